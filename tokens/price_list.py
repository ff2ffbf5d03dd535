"""Prices from a file: the list that is shipped, or one of the same form."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import CheckConstraint

from tokens.models import ModelPrice
from tokens.models.price import LONG

SHIPPED = Path(__file__).with_name("prices.json")
_PRICES = ("input", "cached_input", "output", "currency", *LONG)


class BadPriceList(Exception):
    """The file is no list of prices; the text says why."""


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A row that a list adds, or changes from ``before``."""

    price: ModelPrice
    before: ModelPrice | None

    def __str__(self) -> str:
        if self.before is None:
            return f"new: {self.price}: {_told(self.price)}"
        return f"changed: {self.price}: {_told(self.before)} -> {_told(self.price)}"


def rows(path: Path = SHIPPED) -> list[dict[str, str]]:
    """Return the rows of a list by the attributes of ModelPrice, with their source.

    Raises BadPriceList, and OSError.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        source = f"{listed['source']}, as of {listed['as_of']}"
        return [{**_texts(price), "source": source} for price in listed["prices"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadPriceList(f"{path} is no list of prices ({error!r}).") from error


def changes(path: Path = SHIPPED) -> list[PriceChange]:
    """Return what a list would add to the table or change in it. Raises BadPriceList, OSError."""
    found = (_change(_price(row)) for row in rows(path))
    return [change for change in found if change is not None]


def apply(changes: Iterable[PriceChange]) -> None:
    """Add and change these rows, all or none. Costs that were booked stay as they are."""
    with transaction.atomic():
        for change in changes:
            if change.before is not None:
                change.price.pk = change.before.pk
            change.price.save(force_update=change.before is not None)


def _change(price: ModelPrice) -> PriceChange | None:
    before = ModelPrice.objects.filter(model=price.model, valid_from=price.valid_from).first()
    if before and all(getattr(before, name) == getattr(price, name) for name in _PRICES):
        return None
    return PriceChange(price, before)


def _price(row: Mapping[str, str]) -> ModelPrice:
    try:
        price = ModelPrice(**row)
        price.full_clean(validate_unique=False, validate_constraints=False)
        for constraint in ModelPrice._meta.constraints:
            if isinstance(constraint, CheckConstraint):
                constraint.validate(ModelPrice, price)
    except (TypeError, ValidationError) as error:
        raise BadPriceList(f"This is no price: {dict(row)} ({error})") from error
    return price


def _texts(price: Mapping[str, str]) -> dict[str, str]:
    if wrong := [value for value in price.values() if not isinstance(value, str)]:
        raise TypeError(f"{wrong} must be text")
    return dict(price)


def _told(price: ModelPrice) -> str:
    told = (
        f"input {price.input}, cached input {price.cached_input}, output {price.output} "
        f"{price.currency}"
    )
    if price.long_prompt is None:
        return told
    return (
        f"{told} (above {price.long_prompt:,} LLM tokens of input: {price.long_input}, "
        f"{price.long_cached_input}, {price.long_output})"
    )
