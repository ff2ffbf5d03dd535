"""The branches of a company, to choose from at the next upload."""

from collections.abc import Sequence

from django.db.models import Q, Subquery

from extraction.models import Extraction
from tokens.models import Company
from tokens.models.company import folded

# The newest documents of a company that are looked at, and the companies that are asked for.
EXAMINED = 200
MOST_COMPANIES = 50


def branches_of(company_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the branches that staff entered for each company, then those of its newest documents.

    EXAMINED of these are looked at, and what they add is in alphabetical order. Three queries,
    whose work does not grow with the table. Of more than MOST_COMPANIES, the others have none.
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
    found = {company_id: list[str]() for company_id in company_ids} | _entered(some)
    if since:  # else there is no document at all
        rows = Extraction.objects.filter(newest).order_by("company_id", "branch")
        for company_id, branch in rows.values_list("company_id", "branch").distinct():
            names = found.setdefault(company_id, [])
            if branch not in names:
                names.append(branch)
    return found


def _entered(company_ids: Sequence[str]) -> dict[str, list[str]]:
    """The branches that staff entered."""
    companies = Company.objects.filter(folded_id__in=set(map(folded, company_ids)))
    names = {row.folded_id: row.branch_names for row in companies.only("folded_id", "branches")}
    return {company_id: list(names.get(folded(company_id), [])) for company_id in company_ids}


def _oldest_examined(company_id: str) -> Subquery:
    """When the last of those that are looked at came; NULL where all are."""
    rows = Extraction.objects.filter(company_id=company_id).order_by("-created_at", "-pk")
    return Subquery(rows.values("created_at")[EXAMINED - 1 : EXAMINED])
