import pytest

from extraction.invoices.checks.dates import (
    due_date_matches_terms,
    due_date_not_before_invoice_date,
    due_date_plausible,
    names_term,
)
from extraction.invoices.schema import Check
from tests.extraction.invoices.made import failed, failed_codes, invoice


@pytest.mark.parametrize(
    ("terms", "due"),
    [
        ("30 days net", "2026-11-01"),
        ("Payable within 30 calendar days of the invoice date", "2026-11-01"),
        ("Net 30", "2026-11-01"),
        ("zahlbar innerhalb von 14 Tagen", "2026-10-16"),
        ("Zahlungsziel: 14 Kalendertage", "2026-10-16"),
        ("2 % Skonto bei Zahlung innerhalb 10 Tagen, 30 Tage netto", "2026-11-01"),
        ("2/10, n/30", "2026-11-01"),
        ("Paiement à 30 jours", "2026-11-01"),
        ("30 días", "2026-11-01"),
        ("Pagamento a 30 giorni", "2026-11-01"),
        ("Betaling binnen 30 dagen", "2026-11-01"),
        ("30 dagar netto", "2026-11-01"),
        ("30 days net", "2026-11-02"),  # a Sunday, moved to Monday
        ("30 days net", "2026-10-31"),
        ("30 days net", "2026-10-02"),  # no due date is known
    ],
)
def test_a_due_date_as_the_terms_say_passes(terms: str, due: str) -> None:
    fields = invoice(invoice_date="2026-10-02", due_date=due, payment_terms=terms)

    check = due_date_matches_terms(fields)
    assert check is not None
    assert check.passed


@pytest.mark.parametrize(
    ("terms", "due", "expected", "actual"),
    [
        ("30 days net", "2026-11-21", "30 days", "50 days"),
        ("30 days net", "2027-11-01", "30 days", "395 days"),
        ("zahlbar innerhalb 14 Tagen", "2026-10-26", "14 days", "24 days"),
        ("2 % 10 days, 30 days net", "2026-11-30", "10 days, 30 days", "59 days"),
    ],
)
def test_another_due_date_than_the_terms_say_fails(
    terms: str, due: str, expected: str, actual: str
) -> None:
    check = due_date_matches_terms(
        invoice(invoice_date="2026-10-02", due_date=due, payment_terms=terms)
    )

    assert check is not None
    assert (check.passed, check.expected, check.actual) == (False, expected, actual)
    assert check.paths == ["due_date", "invoice_date", "payment_terms"]


@pytest.mark.parametrize(
    "terms",
    [
        None,
        "due on receipt",
        "30 days end of month",
        "30 jours fin de mois",
        "30 Tage nach Lieferung",
        "2 % discount within 10 days",  # when the rest is due, nothing says
        "Contract of 2030 days",
        "Net 30.50 EUR",
    ],
)
def test_terms_without_a_period_from_the_invoice_date_say_nothing(terms: str | None) -> None:
    fields = invoice(invoice_date="2026-10-02", due_date="2026-12-24", payment_terms=terms)

    assert due_date_matches_terms(fields) is None


@pytest.mark.parametrize(
    ("terms", "named"),
    [("30 days", True), ("2 % discount, net 30", True), ("2 % discount within 10 days", False)],
)
def test_terms_of_a_discount_alone_name_no_period(terms: str, named: bool) -> None:
    assert names_term(terms) is named


@pytest.mark.parametrize(
    ("due", "codes"), [("2027-10-03", []), ("2027-10-04", ["due_date_plausible"])]
)
def test_an_invoice_is_due_within_a_year(due: str, codes: list[str]) -> None:
    assert failed_codes(invoice(invoice_date="2026-10-02", due_date=due)) == codes


def test_dates_at_the_end_of_the_calendar_are_compared() -> None:
    fields = invoice(invoice_date="9999-12-31", due_date="9999-12-31")

    assert failed_codes(fields) == ["invoice_date_plausible"]


def test_a_discount_ends_before_the_invoice_is_due() -> None:
    fields = invoice(
        invoice_date="2026-10-02",
        due_date="2026-11-01",
        payment_discounts=[
            {"percent": "3", "until": "2026-10-12"},
            {"percent": "2", "until": "2026-11-12"},
            {"percent": "1"},
        ],
    )

    (check,) = failed(fields)
    assert check.code == "discounts_end_in_time"
    assert check.paths == ["payment_discounts.1.until"]
    assert failed(fields.model_copy(update={"due_date": None})) == []


def test_a_wrong_due_date_is_told_with_what_it_is_compared_with() -> None:
    early = invoice(invoice_date="2026-10-02", due_date="2026-10-01")
    late = invoice(
        invoice_date="2026-10-02", due_date="2027-10-04", payment_terms="2 % discount, net 30"
    )

    assert due_date_not_before_invoice_date(early) == Check(
        code="due_date_not_before_invoice_date",
        passed=False,
        expected="2026-10-02 or later",
        actual="2026-10-01",
        paths=["due_date", "invoice_date"],
    )
    assert due_date_plausible(late) == Check(
        code="due_date_plausible",
        passed=False,
        expected="2027-10-03 or earlier",
        actual="2027-10-04",
        paths=["due_date", "invoice_date"],
    )
    assert due_date_matches_terms(late) == Check(
        code="due_date_matches_terms",
        passed=False,
        expected="30 days",
        actual="367 days",
        paths=["due_date", "invoice_date", "payment_terms"],
    )


@pytest.mark.parametrize("known", [{"invoice_date": "2026-10-02"}, {"due_date": "2026-10-02"}])
def test_one_date_alone_is_not_compared(known: dict[str, str]) -> None:
    fields = invoice(payment_terms="30 days net", **known)

    assert due_date_matches_terms(fields) is None
