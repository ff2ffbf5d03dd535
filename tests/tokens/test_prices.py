"""Prices by model and moment, the list that is shipped, and its command."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tokens import costs, price_list
from tokens.costs import Money, cost_ceiling
from tokens.models import ModelPrice
from tokens.models.price import names_of
from tokens.usage import NO_USAGE, Usage

pytestmark = [pytest.mark.django_db, pytest.mark.vendor]

JUNE, JULY, AUGUST = (datetime(2026, month, 1, tzinfo=UTC) for month in (6, 7, 8))
COUNTS = st.integers(0, 10**9)
PRICES = st.decimals(0, 10**6, places=4)


@pytest.fixture(autouse=True)
def _no_prices() -> None:
    ModelPrice.objects.all().delete()


def make_price(model: str = "gemini-x", valid_from: datetime = JUNE, **prices: Any) -> ModelPrice:
    given: dict[str, Any] = {
        "input": "1.5",
        "cached_input": "0.15",
        "output": "9",
        "currency": "USD",
        **prices,
    }
    price = ModelPrice(model=model, valid_from=valid_from, **given)
    price.full_clean()
    price.save()
    price.refresh_from_db()
    return price


@pytest.mark.parametrize(
    ("called", "names"),
    [
        ("gemini-2.5-flash", ["gemini-2.5-flash"]),
        ("models/gemini-2.5-flash", ["gemini-2.5-flash"]),
        ("publishers/google/models/Gemini-2.5-Flash ", ["gemini-2.5-flash"]),
        ("gemini-2.5-flash-001", ["gemini-2.5-flash-001", "gemini-2.5-flash"]),
        ("gemini-flash-latest", ["gemini-flash-latest", "gemini-flash"]),
        ("gemini-2.5-flash-lite", ["gemini-2.5-flash-lite"]),
        ("gemini-2.5-flash-preview-tts", ["gemini-2.5-flash-preview-tts"]),
        ("gemini-1.5-flash-8b", ["gemini-1.5-flash-8b"]),
        (
            "gemini-2.5-flash-preview-09-2025",
            [
                "gemini-2.5-flash-preview-09-2025",
                "gemini-2.5-flash-preview-09",
                "gemini-2.5-flash-preview",
                "gemini-2.5-flash",
            ],
        ),
        ("", [""]),
        ("-001", ["-001", ""]),
    ],
)
def test_model_is_priced_by_its_name_and_by_that_without_its_version(
    called: str, names: list[str]
) -> None:
    assert names_of(called) == names


def test_price_is_the_newest_that_applies_at_the_moment() -> None:
    first, second = make_price(), make_price(valid_from=AUGUST)

    found = [
        ModelPrice.objects.at("gemini-x", moment)
        for moment in (datetime(2026, 5, 31, 23, 59, tzinfo=UTC), JUNE, JULY, AUGUST)
    ]

    assert found == [None, first, first, second]


def test_price_of_the_version_itself_comes_before_a_newer_one_of_the_model() -> None:
    version = make_price("gemini-x-preview-09-2025")
    make_price("gemini-x", valid_from=JULY)

    assert ModelPrice.objects.at("models/gemini-x-preview-09-2025", AUGUST) == version


def test_model_without_a_row_has_no_price() -> None:
    make_price("gemini-x")
    make_price("gemini-x-preview-09-2025")

    assert ModelPrice.objects.at("gemini-x-lite", AUGUST) is None
    assert ModelPrice.objects.at("gemini", AUGUST) is None


def test_price_is_kept_under_the_plain_name_and_once_for_a_moment() -> None:
    assert make_price("models/Gemini-X").model == "gemini-x"
    with pytest.raises(ValidationError, match="already exists"):
        make_price(" gemini-x")
    with pytest.raises(IntegrityError):
        ModelPrice.objects.create(
            model="GEMINI-X", valid_from=JUNE, input=1, cached_input=1, output=1
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [("input", "-0.0001"), ("output", "-1"), ("cached_input", "0.00001"), ("currency", "usd")],
)
def test_price_that_is_none_is_refused(field: str, value: str) -> None:
    entered: dict[str, Any] = {field: value}
    with pytest.raises(ValidationError, match=field):
        make_price(**entered)


def test_cost_charges_cached_input_once_and_thinking_as_output() -> None:
    usage = Usage(input_tokens=1090, output_tokens=150, thinking_tokens=100, cached_tokens=40)

    assert make_price().cost(usage) == Decimal("0.003831")


def test_cost_of_more_cached_input_than_input_is_that_of_the_input() -> None:
    assert make_price().cost(Usage(input_tokens=10, cached_tokens=99)) == Decimal("0.0000015")


def test_cost_of_nothing_is_nothing() -> None:
    assert make_price().cost(NO_USAGE) == 0


@given(
    prices=st.tuples(PRICES, PRICES, PRICES),
    counts=st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
    unused=st.tuples(COUNTS, COUNTS),
)
def test_no_call_costs_more_than_its_ceiling_and_no_cost_is_rounded(
    prices: tuple[Decimal, ...], counts: tuple[int, int, int, int], unused: tuple[int, int]
) -> None:
    fresh, cached, output = prices
    cached = min(cached, fresh)  # no provider takes more for what it has already
    price = ModelPrice(input=fresh, cached_input=cached, output=output)
    usage = Usage(*counts)
    budget = usage.output_tokens + usage.thinking_tokens + unused[0]
    reserved = usage.input_tokens + budget + unused[1]

    cost = price.cost(usage)

    assert cost <= price.ceiling(reserved, budget) <= price.ceiling(reserved, None)
    assert costs.amount_of(costs.units(cost)) == cost


def make_tiers(**changed: Any) -> ModelPrice:
    long: dict[str, Any] = {"long_prompt": 200_000, "long_input": "4", "long_cached_input": "0.4"}
    return make_price(
        input="2", cached_input="0.2", output="12", **long, long_output="18", **changed
    )


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(input_tokens=200_000, output_tokens=1_000), "0.412"),
        (Usage(input_tokens=200_001, output_tokens=1_000), "0.818004"),
        # Cached input is part of the prompt, output is not.
        (Usage(input_tokens=250_000, cached_tokens=100_000, thinking_tokens=1_000), "0.658"),
        (Usage(input_tokens=1_000, output_tokens=300_000), "3.602"),
        (NO_USAGE, "0"),
    ],
)
def test_call_with_a_long_prompt_costs_its_prices_for_all_of_it(usage: Usage, cost: str) -> None:
    assert make_tiers().cost(usage) == Decimal(cost)


def test_ceiling_is_that_of_the_dearer_prices_where_the_prompt_may_be_long() -> None:
    price = make_tiers()

    assert price.ceiling(210_000, 10_000) == Decimal("0.52")
    assert price.ceiling(210_001, 10_000) == Decimal("0.980004")
    assert price.ceiling(200_000, None) == Decimal("2.4")
    assert price.ceiling(200_001, None) == Decimal("3.600018")
    cheaper = make_tiers(model="cheaper", valid_from=JULY)
    cheaper.long_output = Decimal(1)
    assert cheaper.ceiling(210_001, 10_000) == Decimal("0.920004")


@given(
    prices=st.tuples(*[PRICES] * 6),
    long_prompt=st.integers(1, 10**9),
    counts=st.tuples(COUNTS, COUNTS, COUNTS, COUNTS),
    unused=st.tuples(COUNTS, COUNTS),
)
def test_no_call_costs_more_than_its_ceiling_whatever_its_length(
    prices: tuple[Decimal, ...],
    long_prompt: int,
    counts: tuple[int, int, int, int],
    unused: tuple[int, int],
) -> None:
    names = ("input", "cached_input", "output", "long_input", "long_cached_input", "long_output")
    price = ModelPrice(long_prompt=long_prompt, **dict(zip(names, prices, strict=True)))
    usage = Usage(*counts)
    budget = usage.output_tokens + usage.thinking_tokens + unused[0]
    reserved = usage.input_tokens + budget + unused[1]

    cost = price.cost(usage)

    assert cost <= price.ceiling(reserved, budget) <= price.ceiling(reserved, None)
    assert costs.amount_of(costs.units(cost)) == cost


@pytest.mark.parametrize(
    "given", [{"long_prompt": 5}, {"long_input": "1"}, {"long_prompt": 5, "long_output": "1"}]
)
def test_long_prompts_have_all_their_prices_or_none(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="all prices or none"):
        make_price(**given)
    made = make_price()
    with pytest.raises(IntegrityError):
        ModelPrice.objects.filter(pk=made.pk).update(**given)


def test_shipped_list_tells_what_long_prompts_cost() -> None:
    call_command("load_prices", "--apply", stdout=StringIO())

    found = {
        price.model: (price.long_prompt, price.long_input, price.long_output)
        for price in ModelPrice.objects.filter(long_prompt__isnull=False)
    }

    assert found == {
        "gemini-3.1-pro": (200_000, Decimal(4), Decimal(18)),
        "gemini-2.5-pro": (200_000, Decimal("2.5"), Decimal(15)),
    }
    assert run() == "Every price of the list is in the table.\n"


def test_list_with_tiers_is_told_and_with_half_of_one_refused(tmp_path: Path) -> None:
    long = {"long_prompt": "200000", "long_input": "3", "long_cached_input": "1"}
    path = listed(tmp_path / "list.json", {**ROW, **long, "long_output": "18"})
    assert "9 USD (above 200,000 LLM tokens of input: 3, 1, 18)" in run(path)

    with pytest.raises(CommandError, match="no price"):
        run(listed(tmp_path / "half.json", {**ROW, **long}), "--apply")


def test_ceiling_of_a_call_is_what_is_reserved_at_the_price_of_the_moment() -> None:
    make_price()
    make_price(valid_from=AUGUST, output="18", currency="EUR")

    def ceiling(at: datetime) -> Money | None:
        return cost_ceiling("gemini-x-001", reserved=12_000, output_budget=10_000, at=at)

    assert ceiling(JULY) == Money(Decimal("0.093"), "USD")
    assert ceiling(AUGUST) == Money(Decimal("0.183"), "EUR")
    assert cost_ceiling("unheard-of", reserved=1, output_budget=1) is None


def test_shipped_list_knows_the_default_model_and_its_source() -> None:
    call_command("load_prices", "--apply", stdout=StringIO())

    now = ModelPrice.objects.at("gemini-3.8-flash", datetime(2026, 12, 1, tzinfo=UTC))
    assert now
    assert (now.input, now.cached_input, now.output) == (
        Decimal("0.75"),
        Decimal("0.075"),
        Decimal("3.75"),
    )
    next_year = ModelPrice.objects.at("gemini-3.8-flash", datetime(2027, 2, 1, tzinfo=UTC))
    assert next_year
    assert next_year.output == Decimal("7.5")
    assert now.source.startswith("https://ai.google.dev/gemini-api/docs/pricing")
    assert "as of 2026-" in now.source


def listed(path: Path, *prices: dict[str, object], **fields: object) -> str:
    path.write_text(
        json.dumps({"source": "https://example.com", "as_of": "2026-11-01", "prices": prices})
    )
    return str(path)


ROW: dict[str, object] = {
    "model": "gemini-x",
    "valid_from": "2026-06-01 00:00:00+00:00",
    "input": "1.50",
    "cached_input": "0.15",
    "output": "9",
    "currency": "USD",
}


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("load_prices", *arguments, stdout=output)
    return output.getvalue()


def test_command_shows_what_it_would_change_and_changes_it_when_told_to(tmp_path: Path) -> None:
    kept = make_price("gemini-y")
    price = make_price(output="8")
    path = listed(
        tmp_path / "list.json",
        ROW,
        {**ROW, "valid_from": "2026-07-01 00:00:00+00:00"},
        {**ROW, "model": "gemini-y"},
    )
    shown = (
        "changed: gemini-x from 2026-06-01: input 1.5000, cached input 0.1500, output 8.0000 USD"
        " -> input 1.50, cached input 0.15, output 9 USD\n"
        "new: gemini-x from 2026-07-01: input 1.50, cached input 0.15, output 9 USD\n"
    )

    assert run(path) == f"{shown}Nothing is changed yet: add --apply to do so.\n"
    price.refresh_from_db()
    assert price.output == 8
    assert ModelPrice.objects.count() == 2

    assert run(path, "--apply") == f"{shown}2 prices applied.\n"
    price.refresh_from_db()
    assert price.output == 9
    assert price.source == "https://example.com, as of 2026-11-01"
    assert ModelPrice.objects.count() == 3
    kept.refresh_from_db()
    assert kept.source == ""

    assert run(path) == "Every price of the list is in the table.\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"source": "x", "as_of": "y"}',
        '{"source": "x", "as_of": "y", "prices": [1]}',
        json.dumps({"source": "x", "as_of": "y", "prices": [{**ROW, "input": 1.5}]}),
        json.dumps({"source": "x", "as_of": "y", "prices": [{**ROW, "input": "-1"}]}),
        json.dumps({"source": "x", "as_of": "y", "prices": [{**ROW, "valid_from": "soon"}]}),
        json.dumps({"source": "x", "as_of": "y", "prices": [{**ROW, "colour": "red"}]}),
    ],
)
def test_command_refuses_what_is_no_list_of_prices(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)

    with pytest.raises(CommandError, match=r"no list of prices|no price"):
        run(str(path), "--apply")
    with pytest.raises(CommandError, match="No such file"):
        run(str(tmp_path / "missing.json"))
    assert not ModelPrice.objects.exists()


def test_list_is_applied_whole_or_not_at_all() -> None:
    made = make_price()
    changes = [price_list.PriceChange(ModelPrice(**row), None) for row in price_list.rows()]
    changes.append(
        price_list.PriceChange(
            ModelPrice(model="gemini-x", valid_from=JUNE, input=1, cached_input=1, output=1), None
        )
    )

    with pytest.raises(IntegrityError):
        price_list.apply(changes)

    assert ModelPrice.objects.get() == made


def test_staff_enter_a_price_in_the_admin_which_keeps_the_change() -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    entered = {
        "model": "models/gemini-x",
        "valid_from_0": "2026-06-01",
        "valid_from_1": "00:00:00",
        "input": "1.50",
        "cached_input": "0.15",
        "output": "9",
        "currency": "USD",
        "source": "contract of May",
    }

    response = client.post("/admin/tokens/modelprice/add/", entered)

    assert response.status_code == 302
    assert ModelPrice.objects.get().model == "gemini-x"
    assert LogEntry.objects.get().object_repr == "gemini-x from 2026-06-01"
    page = client.get("/admin/tokens/modelprice/").content.decode()
    assert "contract of May" in page
