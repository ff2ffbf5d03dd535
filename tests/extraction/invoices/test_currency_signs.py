from babel.numbers import list_currencies

from extraction.invoices.currency_signs import CODES, SIGNS


def test_the_codes_are_those_of_the_cldr() -> None:
    assert list_currencies("en") == CODES


def test_every_sign_stands_for_codes() -> None:
    assert {code for codes in SIGNS.values() for code in codes} <= CODES
