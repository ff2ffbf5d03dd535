"""What a company's row says where people choose: how an upload is read, as what it is exported."""

import uuid

from extraction.models import ExportProfile, ReaderChoice
from tokens.models import Company


def default_reader(company_id: str) -> str:
    """Return the ReaderChoice for uploads of a company; AUTO where it has none."""
    chosen = Company.objects.written(company_id).values_list("default_reader", flat=True).first()
    return chosen if chosen in ReaderChoice.values else ReaderChoice.AUTO


def default_profile(company_id: str, format_name: str) -> ExportProfile | None:
    """Return the profile that a company's exports in this format have, if it has one.

    A profile that staff deleted is none.
    """
    stored = Company.objects.written(company_id).values_list("export_as", flat=True).first() or ""
    format_, _, profile = stored.partition(":")
    if format_ != format_name:
        return None
    try:
        return ExportProfile.objects.filter(pk=uuid.UUID(profile), format=format_).first()
    except ValueError:  # the format alone
        return None
