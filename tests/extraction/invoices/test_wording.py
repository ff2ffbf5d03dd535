"""Stored sentences are English; pages say them in the reader's language."""

import ast
from pathlib import Path

import pytest
from django.utils.translation import gettext, override
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extraction.invoices import messages
from extraction.invoices.checks.sentences import explain
from extraction.invoices.names import NAMES, ROWS, name_of
from extraction.invoices.schema import (
    Check,
    InvoiceFields,
    LineItem,
    PaymentDiscount,
    Reason,
    TaxLine,
)
from extraction.invoices.validation import CHECKS
from extraction.invoices.wording import said, shown, told
from tests.running_site import ROOT

MAKERS = [
    path
    for part in ("evidence", "readers", "invoices/checks")
    for path in sorted((ROOT / "extraction" / part).rglob("*.py"))
]
SAME_IN_GERMAN = {"IBAN"}


def calls(path: Path, *names: str) -> list[ast.Call]:
    """The calls of these names in a module."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    found = [node for node in nodes if isinstance(node, ast.Call)]
    return [node for node in found if getattr(node.func, "id", "") in names]


@pytest.mark.parametrize(
    ("sentence", "path", "german", "english"),
    [
        (
            "The lines add up to 29789.07, but the total says 1234.50.",
            "total_amount",
            "Die Positionen ergeben zusammen 29.789,07, der Gesamtbetrag ist aber 1.234,50.",
            "The lines add up to 29,789.07, but the total says 1,234.50.",
        ),
        (
            "The amount of line 3 1100.00 is not printed on the document; 1120.00 is.",
            "line_items.2.amount",
            "Betrag in Zeile 3: 1.100,00 steht nicht auf dem Dokument, wohl aber 1.120,00.",
            "The amount of line 3 1,100.00 is not printed on the document; 1,120.00 is.",
        ),
        (
            "The invoice number 20260131 is not printed on the document.",
            "invoice_number",
            "Rechnungsnummer: 20260131 steht nicht auf dem Dokument.",
            "The invoice number 20260131 is not printed on the document.",
        ),
        (
            "The due date was read as 2026-01-31, but the document prints 2026-03-01 for it.",
            "due_date",
            "Fälligkeitsdatum: Gelesen wurde 31. Jan. 2026, gedruckt ist aber 1. März 2026.",
            "The due date was read as 31 Jan 2026, but the document prints 1 Mar 2026 for it.",
        ),
        (
            "The due date is 45 days after the invoice date, but the terms of payment say 1 days, "
            "14 days.",
            "due_date",
            "Vom Rechnungsdatum bis zum Fälligkeitsdatum: 45 Tage; die Zahlungsbedingungen sagen "
            "aber: 1 Tag; 14 Tage.",
            "The due date is 45 days after the invoice date, but the terms of payment say 1 day; "
            "14 days.",
        ),
        (
            'Amount of line 3: "1.234" was read as 1.234; it may mean 1234.',
            "",
            "Betrag in Zeile 3: „1.234“ wurde als 1,234 gelesen; es kann auch 1.234 bedeuten.",
            'Amount of line 3: "1.234" was read as 1.234; it may mean 1,234.',
        ),
        (
            "The PDF carries another electronic invoice, R-2 of 2026-01-02 over 1190.00 EUR: see "
            "to both.",
            "",
            "Das PDF enthält eine weitere elektronische Rechnung, R-2 vom 2. Jan. 2026 über "
            "1.190,00 EUR: Kümmern Sie sich um beide.",
            "The PDF carries another electronic invoice, R-2 of 2 Jan 2026 over 1,190.00 EUR: see "
            "to both.",
        ),
        (
            "Of 3000 line items only the first 2000 were kept.",
            "line_items",
            "Positionen: Von 3.000 wurden nur die ersten 2.000 behalten.",
            "Of 3,000 line items only the first 2,000 were kept.",
        ),
        (
            "Page 2, 3 could not be read for comparison.",
            "",
            "Die Seiten 2, 3 konnten nicht zum Vergleich gelesen werden.",
            "Pages 2, 3 could not be read for comparison.",
        ),
    ],
)
def test_sentence_is_in_the_readers_language(
    sentence: str, path: str, german: str, english: str
) -> None:
    with override("de"):
        assert said(sentence, path) == german
        assert told(Reason(path=path, code="x", text=sentence)).text == german
    with override("en"):
        assert said(sentence, path) == english


def test_check_is_shown_with_the_languages_numbers_and_days() -> None:
    sums = Check(code="total_adds_up", passed=False, expected="29789.07", actual="1.00; 2345.60")
    days = Check(
        code="due_date_plausible", passed=False, expected="2027-01-01 or earlier", actual=None
    )

    with override("de"):
        assert (shown(sums).expected, shown(sums).actual) == ("29.789,07", "1,00; 2.345,60")
        assert (shown(days).expected, shown(days).actual) == ("1. Jan. 2027 oder früher", None)


@pytest.mark.parametrize("text", ["A sentence of an earlier version.", "", "The {value} is odd."])
def test_what_fits_no_sentence_is_shown_as_it_is(text: str) -> None:
    with override("de"):
        assert said(text, "total_amount") == text


@pytest.mark.parametrize(
    "text",
    sorted({*messages.SENTENCES, *messages.OF_VALUES, *messages.PHRASES, *NAMES, *ROWS.values()}),
)
def test_every_sentence_and_name_has_a_german_one(text: str) -> None:
    counted = {
        messages.PAGES_UNREAD,
        messages.MORE_DOUBTS,
        messages.DAYS,
        messages.OF_CHECKS["lines_not_doubled"],
    }
    with override("de"):
        # Those that depend on a count are translated with it; all others by their text.
        assert text in counted | SAME_IN_GERMAN or gettext(text) != text


@pytest.mark.parametrize("code", [*messages.OF_CHECKS, *messages.OF_ROWS])
def test_every_failed_check_is_told_in_german(code: str) -> None:
    path = "line_items.3.amount"
    check = Check(code=code, passed=False, expected="7", actual="8", paths=[path])

    with override("de"):
        assert said(explain(check), path) != explain(check)


def test_every_code_of_a_check_has_its_sentence() -> None:
    codes = set(messages.OF_CHECKS) | set(messages.OF_ROWS)
    for path in (ROOT / "extraction" / "invoices" / "checks").glob("*.py"):
        for call in calls(path, "Check", "sum_check", "item_check", "_total_check"):
            given = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "code")]
            named = {each.value for each in given if isinstance(each, ast.Constant)}
            assert named <= codes, path.name
    assert CHECKS


def test_every_code_of_a_doubt_has_its_sentence() -> None:
    found = set()
    for path in (ROOT / "extraction" / "evidence").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            pairs: list[tuple[object, object]] = []
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Doubt":
                pairs = [(each.arg, each.value) for each in node.keywords]
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_doubt":
                pairs = [("code", node.args[-1])]
            elif isinstance(node, ast.Dict):
                pairs = [
                    (key.value, value)
                    for key, value in zip(node.keys, node.values, strict=True)
                    if isinstance(key, ast.Constant)
                ]
            found |= {
                value.value
                for key, value in pairs
                if key == "code" and isinstance(value, ast.Constant)
            }
    assert found == set(messages.DOUBTS)


@pytest.mark.parametrize("path", MAKERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_is_written_where_it_is_made(path: Path) -> None:
    for call in calls(path, "Reason", "Doubt"):
        texts = [*call.args[1:], *(each.value for each in call.keywords if each.arg == "text")]
        for text in texts:
            parts = text.values if isinstance(text, ast.JoinedStr) else [text]
            words = [part.value for part in parts if isinstance(part, ast.Constant)]
            assert [word for word in words if word != ": "] == [], ast.unparse(call)


def test_every_value_has_a_name() -> None:
    parties = ("supplier", "customer")
    paths = [name for name in InvoiceFields.model_fields if name not in parties]
    paths += [f"{party}.{name}" for party in parties for name in ("name", "tax_id", "address")]
    assert {name_of(path) for path in paths} <= NAMES
    rows: tuple[type[BaseModel], ...] = (LineItem, TaxLine, PaymentDiscount)
    for model in rows:
        assert {name.replace("_", " ") for name in model.model_fields} <= NAMES


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["{0.__class__}", "<script>", " is not printed on the document; ", "NaN", "1" * 2000, "{name}"]
)


@given(st.sampled_from(sorted(messages.SENTENCES)), HOSTILE, HOSTILE)
def test_values_of_any_text_stay_in_the_sentence(template: str, first: str, second: str) -> None:
    keys = ("value", "said", "expected", "actual", "numbers", "invoice", "line", "code", "count")
    values = dict.fromkeys((*keys, "limit"), first) | {"actual": second, "said": second}
    sentence = template.format(name="total", **values)

    with override("de"):
        found = said(sentence, "supplier.name")
        assert isinstance(found, str)
        assert len(found) <= 2 * len(sentence) + 300
        said(sentence)
        shown(Check(code="x", passed=False, expected=first, actual=second))
