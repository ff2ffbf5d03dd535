"""Models without a price: what they cost is unknown, and no quota in money lets them be called."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from ocrsite.lib import clock
from ocrsite.lib.translations import in_english
from tokens.models import (
    LedgerAlert,
    ModelPrice,
    Provider,
    Quota,
    TokenMaster,
    TokenUsageLog,
    Unit,
)

logger = logging.getLogger(__name__)

# A model that was not called for so long is no longer looked for.
RECENTLY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    """A model whose calls are charged in LLM tokens alone, because it has no price."""

    model: str

    @property
    def identity(self) -> str:
        """The model."""
        return f"unpriced {self.model}"

    def __str__(self) -> str:
        return _(
            "The model {model} has no price, so that nobody knows what its calls cost in money: "
            "enter one under Prices."
        ).format(model=self.model)

    def raise_alert(self) -> None:
        """Tell staff, once until it has a price."""
        if LedgerAlert.objects.raise_once([self.identity], in_english(self)):
            logger.error("%s", in_english(self))


@dataclass(frozen=True, slots=True)
class UnpricedForQuota:
    """A model that a quota in money keeps from being called: it has no price in that currency."""

    model: str
    currency: str

    @property
    def identity(self) -> str:
        """The model and the currency."""
        return f"unpriced {self.model} in {self.currency}"

    def __str__(self) -> str:
        return _(
            "The model {model} has no price in {currency}, so that keys with a quota in {currency} "
            "are not used for it: enter one under Prices, or change the quota."
        ).format(model=self.model, currency=self.currency)

    def raise_alert(self) -> None:
        """Tell staff, once until it has a price."""
        if LedgerAlert.objects.raise_once([self.identity], in_english(self)):
            logger.error("%s", in_english(self))


def unpriced_for(quotas: Iterable[Quota]) -> list[UnpricedForQuota]:
    """Return what keeps the keys that these quotas apply to from being used, each once.

    Of the keys that may be taken now, with the models that they are called with.
    """
    now = clock.now()
    found: dict[UnpricedForQuota, None] = {}
    for quota in quotas:
        if quota.unit == Unit.MONEY:
            for model in _models_of(quota):
                price = ModelPrice.objects.at(model, now)
                if price is None or price.currency != quota.currency:
                    found[UnpricedForQuota(model, quota.currency)] = None
    return list(found)


def _models_of(quota: Quota) -> list[str]:
    """The models that a call may be made with which counts towards a quota, by name."""
    keys = TokenMaster.objects.usable().exclude(provider=Provider.OFFLINE).order_by()
    mine = (
        keys.filter(company_id__in=quota.company.ids)
        if quota.company
        else keys.filter(quotas=quota)
    )
    models = mine.values_list("model", flat=True).distinct()
    return sorted({model or settings.GEMINI_MODEL for model in models})


def unpriced_models() -> list[UnpricedModel]:
    """Return the models of recent calls of unknown cost that have no price now, by name."""
    now = timezone.now()
    unknown = TokenUsageLog.objects.filter(
        logged_at__gt=now - RECENTLY,
        cost=None,
        model__isnull=False,
        total_tokens_used__gt=0,
    )
    models = unknown.order_by("model").values_list("model", flat=True).distinct()
    return [
        UnpricedModel(model) for model in models if model and not ModelPrice.objects.at(model, now)
    ]
