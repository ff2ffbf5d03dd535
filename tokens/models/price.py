"""What providers charge for LLM tokens: one row per model and moment from which it applies."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.base import ModelBase
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.amounts import COST_PLACES, PRICE_PLACES
from tokens.call_cost import Rates
from tokens.usage import Usage

# What a row says of long prompts: all of it or nothing.
LONG = ("long_prompt", "long_input", "long_cached_input", "long_output")

# What versions of one model add to its name: gemini-2.5-flash-preview-09-2025, -001, -latest.
_VERSION_WORDS = frozenset({"preview", "exp", "experimental", "latest"})


def plain_name(model: str) -> str:
    """Return a model's name without its resource path (``models/…``), in small letters."""
    return model.strip().rpartition("models/")[2].lower()


def names_of(model: str) -> list[str]:
    """Return the names under which a model's price may be entered, the most exact one first.

    After its own name those with less of its version: ``gemini-2.5-flash-preview-09-2025`` is also
    priced as ``gemini-2.5-flash``, but ``gemini-2.5-flash-lite`` is another model.
    """
    parts = plain_name(model).split("-")
    names = ["-".join(parts)]
    while len(parts) > 1 and (parts[-1] in _VERSION_WORDS or parts[-1].isdecimal()):
        parts.pop()
        names.append("-".join(parts))
    return names


def price_at(prices: "Iterable[ModelPrice]", model: str, moment: datetime) -> "ModelPrice | None":
    """Return which of the prices is that of a model at a moment: the newest of its exactest name.

    ``prices`` have names of the model; None where none applies yet.
    """
    names = names_of(model)
    valid = [price for price in prices if price.valid_from <= moment]
    return max(
        valid,
        key=lambda price: (-names.index(plain_name(price.model)), price.valid_from),
        default=None,
    )


class ModelPriceQuerySet(models.QuerySet["ModelPrice"]):
    def at(self, model: str, moment: datetime) -> "ModelPrice | None":
        """Return the price of a model at a moment, None where none is entered."""
        return price_at(self.filter(model__in=names_of(model)), model, moment)


class ModelPrice(models.Model):
    """What a model's LLM tokens cost from a moment on, until its next row.

    Prices are for a million LLM tokens. A change does not change what was charged before.
    """

    price_id = models.BigAutoField(db_column="PriceID", primary_key=True)
    model = models.CharField(
        db_column="Model",
        max_length=100,
        help_text=_(
            "As in the provider's price list, such as gemini-2.5-flash. It applies to the "
            "versions of the model, too (-preview-09-2025, -001, -latest), unless they have a row."
        ),
    )
    valid_from = models.DateTimeField(
        db_column="ValidFrom", help_text=_("UTC. It applies until the model's next row.")
    )
    input = models.DecimalField(
        _("input"),
        db_column="InputPrice",
        max_digits=14,
        decimal_places=PRICE_PLACES,
        validators=[MinValueValidator(0)],
        help_text=_("For a million LLM tokens of input."),
    )
    cached_input = models.DecimalField(
        _("cached input"),
        db_column="CachedInputPrice",
        max_digits=14,
        decimal_places=PRICE_PLACES,
        validators=[MinValueValidator(0)],
        help_text=_("For a million LLM tokens of input that the provider had in its cache."),
    )
    output = models.DecimalField(
        _("output with thinking"),
        db_column="OutputPrice",
        max_digits=14,
        decimal_places=PRICE_PLACES,
        validators=[MinValueValidator(0)],
        help_text=_("For a million LLM tokens of output, thinking included."),
    )
    long_prompt = models.BigIntegerField(
        _("long prompts"),
        db_column="LongPrompt",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "A call with more LLM tokens of input than these costs the prices below, for all "
            "of it. Empty: its length does not matter."
        ),
    )
    long_input = models.DecimalField(
        _("input of long prompts"),
        db_column="LongInputPrice",
        max_digits=14,
        decimal_places=PRICE_PLACES,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    long_cached_input = models.DecimalField(
        _("cached input of long prompts"),
        db_column="LongCachedInputPrice",
        max_digits=14,
        decimal_places=PRICE_PLACES,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    long_output = models.DecimalField(
        _("output for long prompts"),
        db_column="LongOutputPrice",
        max_digits=14,
        decimal_places=PRICE_PLACES,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    currency = models.CharField(
        db_column="Currency",
        max_length=3,
        default="USD",
        db_default="USD",
        validators=[RegexValidator(r"\A[A-Z]{3}\Z", _("Three capital letters, such as USD."))],
        help_text=_("ISO 4217."),
    )
    source = models.CharField(
        db_column="Source",
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text=_("Where the price is published, and when it was read there."),
    )

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        db_table = "ModelPrices"
        verbose_name = _("price")
        ordering = ["model", "-valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["model", "valid_from"], name="UQ_ModelPrices_Moment"),
            models.CheckConstraint(
                condition=Q(**dict.fromkeys(LONG, None))
                | Q(**{f"{name}__isnull": False for name in LONG}),
                name="CK_ModelPrices_Long",
                violation_error_message=_("Of long prompts enter all prices or none."),
            ),
        ]

    def __str__(self) -> str:
        return gettext("{model} from {day}").format(
            model=self.model, day=f"{self.valid_from:%Y-%m-%d}"
        )

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save under the plain name."""
        self.model = plain_name(self.model)
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def clean(self) -> None:
        """Take the plain name, before it is compared with the other rows'."""
        self.model = plain_name(self.model)

    def cost(self, usage: Usage) -> Decimal:
        """Return what a call cost, exactly."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        output = usage.output_tokens + usage.thinking_tokens
        price = self._price_of(usage.input_tokens)
        total = (
            price.input * (usage.input_tokens - cached)
            + price.cached_input * cached
            + price.output * output
        )
        return total.scaleb(-6)

    def rates_for(self, request: int) -> Rates:
        """Return what an LLM token costs at most in a call with a request of at most so many.

        In units of a cost's last place: exact whole numbers.
        """
        prices = {self._price_of(0), self._price_of(request)}
        most_input = max(max(price.input, price.cached_input) for price in prices)
        most_output = max(price.output for price in prices)
        return Rates(int(most_input.scaleb(PRICE_PLACES)), int(most_output.scaleb(PRICE_PLACES)))

    def ceiling(self, reserved: int, output_budget: int | None) -> Decimal:
        """Return the most that a call can cost for which so many LLM tokens are reserved.

        ``output_budget`` of them are for its output; None: nobody knows how many.
        """
        request = reserved - (output_budget or 0)
        rates = self.rates_for(request)
        if output_budget is None:
            most = max(rates.input, rates.output) * reserved
        else:
            most = rates.of(request, output_budget)
        return Decimal(most).scaleb(-COST_PLACES)

    def _price_of(self, request: int) -> "_Price":
        """The prices for a request of so many LLM tokens."""
        if self.long_prompt is not None and request > self.long_prompt:
            long = (self.long_input, self.long_cached_input, self.long_output)
            return _Price(*(price or Decimal(0) for price in long))
        return _Price(self.input, self.cached_input, self.output)


class _Price(NamedTuple):
    """For a million LLM tokens each."""

    input: Decimal
    cached_input: Decimal
    output: Decimal
