"""Models that are called without a price: what they cost is unknown until staff enter one."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from tokens.models import LedgerAlert, ModelPrice, TokenUsageLog

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
        return (
            f"The model {self.model} has no price, so that nobody knows what its calls cost in "
            "money: enter one under Prices."
        )

    def raise_alert(self) -> None:
        """Tell staff, once until it has a price."""
        if LedgerAlert.objects.raise_once([self.identity], str(self)):
            logger.error("%s", self)


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
