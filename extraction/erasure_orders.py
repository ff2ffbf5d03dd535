"""Orders to erase: who may give which, what they are about, and how much that is now.

Who is bound to companies orders about these alone, and of a person what is in these.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from extraction.models import Attempt, Correction, Erasure, ErasureScope, Extraction, State
from extraction.models.extraction_queryset import ExtractionQuerySet
from logs.models import ApplicationLog
from ocrsite.lib import audit, clock
from ocrsite.lib.audit import Action, What
from ocrsite.lib.staff_companies import bound_companies, within
from tokens.models import Company, TokenUsageLog
from tokens.models.company import folded

MOST_COUNTED = 100_000


class NotTheirs(Exception):
    """Who is bound to companies asked for what is none of theirs."""


def order(scope: ErasureScope, subject: str, *, by: User, why: str) -> list[Erasure]:
    """Store an order to erase, with its line of the audit list; the workers begin at once.

    For who is bound to companies a person's documents are those in these: an order for each. Raises
    NotTheirs, for them alone, about another company or a document of one.
    """
    erasures = _orders(scope, subject, bound_companies(by))
    with transaction.atomic():
        for erasure in erasures:
            erasure.asked_by, erasure.why = by.get_username(), why
            erasure.leased_until = clock.now()
            erasure.save()
            what = audited(erasure)
            audit.record(Action.ERASED, who=audit.user(by), what=what, after="ordered", why=why)
    return erasures


def _orders(scope: ErasureScope, subject: str, bound: list[str] | None) -> list[Erasure]:
    """Return what is to be erased, not stored, for who is bound to these companies."""
    if scope == ErasureScope.PERSON:
        companies = [""] if bound is None else _each_once(bound)
        return [Erasure(scope=scope, subject=subject, company_id=each) for each in companies]
    if scope == ErasureScope.EXTRACTION:
        found = Extraction.with_deleted.filter(pk=subject).values_list("company_id", flat=True)
        company_id = found.first() or ""
    else:
        company_id = spellings(subject)[0]
    if not within([company_id], bound):
        raise NotTheirs
    return [Erasure(scope=scope, subject=subject, company_id=company_id)]


def _each_once(company_ids: Sequence[str]) -> list[str]:
    """Return one spelling of each company."""
    return list({folded(each): each for each in reversed(company_ids)}.values())


@dataclass(frozen=True, slots=True)
class Preview:
    """How much an order would erase: MOST_COUNTED of each kind are counted."""

    documents: int
    being_read: int
    corrections: int
    logs: int
    usage: int


def preview(scope: ErasureScope, subject: str, *, by: User) -> Preview:
    """Count what would be erased now. Raises NotTheirs as ``order`` does."""
    counted = [_preview(each) for each in _orders(scope, subject, bound_companies(by))]
    return Preview(*(sum(numbers) for numbers in zip(*map(astuple, counted), strict=True)))


def _preview(erasure: Erasure) -> Preview:
    documents = extractions_of(erasure).filter(erased_at=None)
    ids = documents.order_by().values("pk")
    logs, usage, limit = Q(extraction_id__in=ids), Q(), limited(erasure)
    match ErasureScope(erasure.scope):
        case ErasureScope.COMPANY:
            usage = Q(company_id__in=spellings(erasure.subject))
            logs |= usage
        case ErasureScope.PERSON:
            logs |= Q(user=erasure.subject) & limit
            usage = Q(requested_by=erasure.subject) & limit
        case ErasureScope.EXTRACTION:
            calls = Attempt.objects.filter(extraction_id__in=ids).order_by()
            usage = Q(attempt_id__in=calls.values("pk"))
    return Preview(
        _counted(documents),
        _counted(documents.filter(state=State.PROCESSING)),
        _counted(Correction.objects.filter(extraction_id__in=ids)),
        _counted(ApplicationLog.objects.filter(logs)),
        _counted(TokenUsageLog.objects.filter(usage)),
    )


def _counted(rows: "QuerySet[Any]") -> int:
    return rows.order_by()[:MOST_COUNTED].count()


def extractions_of(erasure: Erasure) -> ExtractionQuerySet[Extraction]:
    """Return its extractions, deleted ones too, that came before it was ordered."""
    every = Extraction.with_deleted.filter(created_at__lte=erasure.created_at)
    match ErasureScope(erasure.scope):
        case ErasureScope.COMPANY:
            return every.filter(company_id__in=spellings(erasure.subject))
        case ErasureScope.PERSON:
            # Those that are half erased have the pseudonym already.
            named = every.filter(requested_by__in=[erasure.subject, erasure.pseudonym])
            return named.filter(limited(erasure))
        case ErasureScope.EXTRACTION:
            return every.filter(pk=erasure.subject)


def limited(erasure: Erasure) -> Q:
    """Which rows with a company it is about: of a person's those in the company of the order."""
    if erasure.scope != ErasureScope.PERSON or not erasure.company_id:
        return Q()
    return Q(company_id__in=spellings(erasure.company_id))


def spellings(company_id: str) -> list[str]:
    """Every way in which rows write a company's id, its own first."""
    company = Company.objects.written(company_id).first()
    return [company_id] if company is None else company.ids


def audited(erasure: Erasure) -> What:
    return audit.row(erasure, company_id=erasure.company_id or None)
