"""``manage.py api_fields``: writes docs/api-fields.md anew."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from extraction.api.fields import document


class Command(BaseCommand):
    help = "Write every request, answer and field of the API to docs/api-fields.md."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file; the database is not used."""
        path = settings.BASE_DIR / "docs" / "api-fields.md"
        path.write_text(document(), encoding="utf-8")
        self.stdout.write(f"Wrote {path}.")
