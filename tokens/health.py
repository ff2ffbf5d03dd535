"""How much of a limit is left, in words and as a bar: one answer for every list and page."""

from django.db import models
from django.db.models import F, FloatField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.models import TokenMaster, TokenQuerySet, TokenStatus, TokenUsageSummary

# Per cent of the limit. With so much left or less, a key is low, or nearly used up.
LOW, NEARLY_USED_UP = 20, 5


class Health(models.TextChoices):
    """What is left of a key's limit."""

    ENOUGH = "enough", _("Enough left")
    LOW = "low", _("Low")
    NEARLY_USED_UP = "nearly-used-up", _("Nearly used up")
    USED_UP = "used-up", _("Used up")


def health_of(token: TokenMaster) -> Health:
    """Return what is left of a key's limit; below its alert threshold it is nearly used up."""
    left = token.unspent
    if token.status == TokenStatus.EXCEEDED:
        return Health.USED_UP
    found = health_of_share(left, token.total_token_limit)
    is_below = left < _threshold(token) and found != Health.USED_UP
    return Health.NEARLY_USED_UP if is_below else found


def health_of_share(left: int, limit: int) -> Health:
    """Return what so much left of a limit means."""
    if left <= 0:
        return Health.USED_UP
    if left * 100 <= limit * NEARLY_USED_UP:
        return Health.NEARLY_USED_UP
    return Health.LOW if left * 100 <= limit * LOW else Health.ENOUGH


def percent(left: int, limit: int) -> float:
    """Return what is left of a limit, from 0 to 100, never more than there is.

    To a tenth, from 10 on a whole number.
    """
    if left <= 0 or limit <= 0:
        return 0.0
    tenths = min(1000, 1000 * left // limit)
    return tenths / 10 if tenths < 100 else float(tenths // 10)


def percent_in_words(left: int, limit: int) -> str:
    """Return what is left of a limit as people read it: 0.5 %, or less than 0.1 %."""
    number = percent(left, limit)
    return gettext("less than 0.1 %") if left > 0 and not number else f"{number:g} %"


def left_bar(left: int, limit: int, told: str, *, name: str = "") -> SafeString:
    """Return what is left of a limit as a bar, in per cent, and as ``told``.

    ``name`` says of what, where a cell has several.
    """
    words = percent_in_words(left, limit)
    return format_html(
        '<div class="left"><meter min="0" max="100" low="{}" high="{}" optimum="100"'
        ' value="{}" aria-label="{}"></meter><span>{}</span>'
        '<span class="second-line">{}</span></div>',
        *(NEARLY_USED_UP, LOW, percent(left, limit)),
        gettext("{share} left").format(share=f"{name} {words}".strip()),
        f"{name}: {words}" if name else words,
        told,
    )


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
