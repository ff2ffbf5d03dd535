"""Which companies there are: a row for each id that is in use, and whether one is closed."""

import logging
from collections.abc import Iterable, Mapping

from django.db import IntegrityError, models, transaction
from django.db.models import Exists, OuterRef

from tokens.models import Company, TokenMaster
from tokens.models.company import folded

logger = logging.getLogger(__name__)


def is_closed(company_id: str) -> bool:
    """Whether the company of this id, however it is written, is closed."""
    return Company.objects.written(company_id).closed().exists()


def spellings(company_id: str) -> list[str]:
    """Return every way in which rows write the id of this company, as given first."""
    company = Company.objects.written(company_id).first()
    return list(dict.fromkeys([company_id, *(company.ids if company else ())]))


def register(companies: models.Manager[Company], used: Mapping[str, str]) -> int:
    """Make a row for each id in use that has none, and return how many.

    ``used``: names by id, "" where none is known. Of ids that differ only in case or in blanks
    around them the first becomes the company's; the others are kept as its other spellings, and
    logged. Empty ids are no company's. ``companies`` is the manager of the model of whichever
    migration calls this; the table is small, and only what is missing is written. Safe to repeat,
    and beside others that do the same.
    """
    added = 0
    for company_id, name in used.items():
        if not folded(company_id):
            continue
        row = companies.filter(folded_id=folded(company_id)).first()
        if row is None:
            row, is_new = _added(companies, company_id, name)
            added += is_new
        if row is not None:
            _fill_name(companies, row, name)
            _remember_spelling(companies, row, company_id)
    return added


def register_used() -> int:
    """Make a row for the companies of keys that have none: those that were inserted by SQL.

    Returns how many were made.
    """
    # Where other spellings are in use, these are looked at each time: they are few.
    known = Company.objects.filter(company_id=OuterRef("company_id"))
    keys = TokenMaster.objects.filter(~Exists(known)).order_by("token_id")
    used = names_by_id(keys.values_list("company_id", "company_name"))
    if added := register(Company.objects, used):
        logger.info("Companies of keys inserted by SQL were added: %d.", added)
    return added


def names_by_id(rows: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Return the latest name that is given for each id, in the order of the ids' first rows."""
    names: dict[str, str] = {}
    for company_id, name in rows:
        names[company_id] = (name or "").strip() or names.get(company_id, "")
    return names


def _added(
    companies: models.Manager[Company], company_id: str, name: str
) -> tuple[Company | None, bool]:
    """The company's row and whether this call made it; None when that id is another's."""
    own = company_id.strip()
    try:
        with transaction.atomic(using=companies.db):
            row = companies.create(company_id=own, folded_id=folded(own), name=name)
    except IntegrityError:
        # Another process was first; or SQL Server finds two ids equal that folding tells apart.
        by_fold = companies.filter(folded_id=folded(own)).first()
        return by_fold or companies.filter(company_id=own).first(), False
    return row, True


def _fill_name(companies: models.Manager[Company], row: Company, name: str) -> None:
    if name and not row.name:
        companies.filter(pk=row.pk, name="").update(name=name)
        row.name = name


def _remember_spelling(companies: models.Manager[Company], row: Company, company_id: str) -> None:
    if company_id in (row.company_id, *row.other_spellings):
        return
    row.other_spellings = [*row.other_spellings, company_id]
    companies.filter(pk=row.pk).update(other_spellings=row.other_spellings)
    logger.warning(
        "The company ids %r and %r differ only in case or blanks: they are one company, %s.",
        row.company_id,
        company_id,
        row.company_id,
    )
