"""``manage.py demo``: what a new installation begins with."""

import json
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction

from extraction.models import ApiClient, ApiClientCompany
from ocrsite.lib.files import atomic_write
from tokens.models import Provider, TokenMaster
from tokens.services import create_token

COMPANY_ID = "DEMO"
COMPANY_NAME = "Demo Trading"
USERNAME = "admin"


class Command(BaseCommand):
    help = "Create a superuser and a demo company with an API client, where there are no users."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--url``: the address to write beside the credentials."""
        parser.add_argument("--url", default=f"http://127.0.0.1:{settings.PORT}")

    def handle(self, *args: Any, url: str, verbosity: int, **options: Any) -> None:
        """Do nothing where anybody can log in already."""
        if get_user_model().objects.exists():
            text = "There are users already: nothing was created."
        else:
            create_demo(url)
            text = f"The credentials are in {credentials_file()}"
        if verbosity:
            self.stdout.write(text)


def credentials_file() -> Path:
    """Return where the first credentials are kept."""
    return Path(settings.DATA_DIR) / "initial-credentials.json"


def create_demo(url: str) -> None:
    """Create superuser, demo company and API client, and write their credentials (mode 600)."""
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        get_user_model().objects.create_superuser(USERNAME, password=password)
        offline = {"company_id": COMPANY_ID, "provider": Provider.OFFLINE}
        if not TokenMaster.objects.filter(**offline).exists():
            create_token(token=TokenMaster(**offline, company_name=COMPANY_NAME, api_key="offline"))
        client = ApiClient(name=COMPANY_NAME)
        api_key = ApiClient.objects.assign_key(client)
        client.save()
        ApiClientCompany.objects.create(client=client, company_id=COMPANY_ID)
        # Last before the commit: what a crash between the two leaves, the next start overwrites.
        credentials = {
            "url": url,
            "username": USERNAME,
            "password": password,
            "api_key": api_key,
            "company_id": COMPANY_ID,
        }
        with atomic_write(credentials_file()) as file:
            file.write(f"{json.dumps(credentials, indent=2)}\n".encode())
