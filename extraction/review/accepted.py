"""How many invoices were accepted: those that people approved, by the day of that."""

from collections.abc import Sequence
from datetime import date

from extraction.models import Extraction
from tokens.company_days import between, by_zone


def accepted(company_ids: Sequence[str] | None, since: date, until: date) -> int:
    """Return how many invoices were approved from ``since`` to ``until``, both counted.

    Days are those of each company; ``company_ids``: None means every company. Deleted ones count:
    they were accepted, and cost what they did.
    """
    # Every value of ``needs_review`` is named: so the index that begins with it serves.
    rows = Extraction.with_deleted.filter(needs_review__in=[True, False], rejection="")
    if company_ids is not None:
        rows = rows.filter(company_id__in=company_ids)
    found = 0
    for zone, of_zone in by_zone():
        begin, end = between(since, until, zone)
        of_time = rows.filter(of_zone("company_id"), reviewed_at__gte=begin, reviewed_at__lt=end)
        found += of_time.order_by().count()
    return found
