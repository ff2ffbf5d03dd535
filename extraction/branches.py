"""The branches that a company's documents came from, to choose from at the next upload."""

from collections.abc import Sequence

from django.db.models import Q, Subquery

from extraction.models import Extraction

# The newest documents of a company that are looked at, and the companies that are asked for.
EXAMINED = 200
MOST_COMPANIES = 50


def branches_of(company_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the branches of each company's newest EXAMINED documents, by name.

    Two queries, whose work does not grow with the table. Of more than MOST_COMPANIES, the others
    have none.
    """
    if not company_ids:
        return {}
    some = list(company_ids[:MOST_COMPANIES])
    edges = [_oldest_examined(company_id) for company_id in some]
    [since, *_] = [*Extraction.objects.order_by().values_list(*edges)[:1], ()]
    newest = Q()
    for company_id, edge in zip(some, since, strict=False):
        of_company = Q(company_id=company_id)
        newest |= of_company & Q(created_at__gte=edge) if edge else of_company
    found: dict[str, list[str]] = {company_id: [] for company_id in company_ids}
    if since:  # else there is no document at all
        rows = Extraction.objects.filter(newest).order_by("company_id", "branch")
        for company_id, branch in rows.values_list("company_id", "branch").distinct():
            found.setdefault(company_id, []).append(branch)
    return found


def _oldest_examined(company_id: str) -> Subquery:
    """When the last of those that are looked at came; NULL where all are."""
    rows = Extraction.objects.filter(company_id=company_id).order_by("-created_at", "-pk")
    return Subquery(rows.values("created_at")[EXAMINED - 1 : EXAMINED])
