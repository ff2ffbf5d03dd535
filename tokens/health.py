"""How much of its limit a key has left, in words: one answer for every list and page."""

from django.db import models
from django.db.models import F, FloatField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from tokens.models import TokenMaster, TokenQuerySet, TokenStatus, TokenUsageSummary

# Per cent of the limit. With so much left or less, a key is low, or nearly used up.
LOW, NEARLY_USED_UP = 20, 5


class Health(models.TextChoices):
    """What is left of a key's limit."""

    ENOUGH = "enough", "Enough left"
    LOW = "low", "Low"
    NEARLY_USED_UP = "nearly-used-up", "Nearly used up"
    USED_UP = "used-up", "Used up"


def health_of(token: TokenMaster) -> Health:
    """Return what is left of a key's limit; below its alert threshold it is nearly used up."""
    limit, left = token.total_token_limit, token.unspent
    if left <= 0 or token.status == TokenStatus.EXCEEDED:
        return Health.USED_UP
    if left * 100 <= limit * NEARLY_USED_UP or left < _threshold(token):
        return Health.NEARLY_USED_UP
    return Health.LOW if left * 100 <= limit * LOW else Health.ENOUGH


def percent_left(token: TokenMaster) -> float:
    """Return what is left of a key's limit, from 0 to 100, never more than there is.

    To a tenth, from 10 on a whole number.
    """
    limit, left = token.total_token_limit, token.unspent
    if left <= 0 or limit <= 0:
        return 0.0
    tenths = min(1000, 1000 * left // limit)
    return tenths / 10 if tenths < 100 else float(tenths // 10)


def percent_in_words(token: TokenMaster) -> str:
    """Return what is left of a key's limit as people read it: 0.5 %, or less than 0.1 %."""
    percent = percent_left(token)
    return "less than 0.1 %" if token.unspent > 0 and not percent else f"{percent:g} %"


def with_health(tokens: TokenQuerySet, health: Health) -> TokenQuerySet:
    """Return those of the keys that ``health_of`` calls so."""
    used_up = Q(status=TokenStatus.EXCEEDED) | Q(left__lte=0)
    nearly = Q(hundredfold__lte=F("total_token_limit") * NEARLY_USED_UP) | Q(left__lt=F("floor"))
    low = Q(hundredfold__lte=F("total_token_limit") * LOW)
    conditions = {
        Health.USED_UP: used_up,
        Health.NEARLY_USED_UP: nearly & ~used_up,
        Health.LOW: low & ~nearly & ~used_up,
        Health.ENOUGH: ~low & ~nearly & ~used_up,
    }
    summary = TokenUsageSummary.objects.filter(token_id=OuterRef("pk"))
    left = F("total_token_limit") - Coalesce(Subquery(summary.values("total_used_tokens")), 0)
    floor = Coalesce(Subquery(summary.values("threshold")), 0)
    rows = tokens.alias(left=left, hundredfold=left * 100, floor=floor)
    return rows.filter(conditions[health])


# To sort keys by the share that they have left, through the totals that are joined to them.
SHARE_USED = Cast(Coalesce(F("summary__total_used_tokens"), Value(0)), FloatField()) / NullIf(
    Cast(F("total_token_limit"), FloatField()), Value(0.0)
)


def _threshold(token: TokenMaster) -> int:
    return token.summary.threshold if hasattr(token, "summary") else 0
