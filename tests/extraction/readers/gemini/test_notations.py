"""Texts, dates and currencies in every notation: certain, doubtful, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extraction.readers.gemini.currencies import currency
from extraction.readers.gemini.notations import (
    LONGEST_TEXT,
    Unclear,
    cleaned,
    day,
    is_absent,
    plain,
    text,
)


@pytest.mark.parametrize(
    "value",
    [None, "", " \n", "N/A", "n/a", "n.a.", "null", "None", "-", "–", "—", "NaN", "Not available",
     "\u200b", "not specified", "…", "...", "?", "**", "N / A", "N.A", "(none)", "<UNKNOWN>",
     "Not available.", "not mentioned", "[]"],
)  # fmt: skip
def test_word_for_nothing_is_absent(value: str | None) -> None:
    assert is_absent(value)


@pytest.mark.parametrize("value", ["0", "No", "Nil", "N/A 7", 0, False, [], {}])
def test_value_is_not_absent(value: object) -> None:
    assert not is_absent(value)


# Texts


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Street 1\nTown", "Street 1\nTown"),
        ("Street 1\r\nTown\rLand\u2028Earth", "Street 1\nTown\nLand\nEarth"),
        (" a\tb\x07c\x85\x7fd ", "a b c  d"),
        ("INV\u200b-\u00ad7\ufeff", "INV-7"),
        ("Acme\U000e0041\U000e007f", "Acme"),
        ("क्\u200dष", "क्\u200dष"),
        ("+49 (0)30 1234", "+49 (0)30 1234"),
        ("-20 °C", "-20 °C"),
        ("@home", "@home"),
    ],
)
def test_text_is_kept_without_what_nobody_sees(written: str, kept: str) -> None:
    understood = text(written)

    assert (understood.value, understood.doubts) == (kept, ())


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_text_in_ascii_is_cleaned_like_any_other(written: str) -> None:
    for clean in (cleaned, plain):
        assert clean(written) == clean(f"é{written}é")[1:-1].strip()


@pytest.mark.parametrize("sign", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_sign_that_turns_the_direction_is_taken_out_and_told(sign: str) -> None:
    understood = text(f"Acme{sign}dtL")

    assert understood.value == "AcmedtL"
    assert [doubt.code for doubt in understood.doubts] == ["direction"]


@pytest.mark.parametrize(
    "formula",
    ['=HYPERLINK("http://evil.example","pay")', "=1+1", "@SUM(1+1)", "+cmd|' /C calc'!A0", "-2|x"],
)
def test_formula_stays_and_is_told(formula: str) -> None:
    understood = text(formula)

    assert understood.value == formula
    assert [doubt.code for doubt in understood.doubts] == ["formula"]


def test_text_that_is_too_long_is_cut_and_told() -> None:
    assert text("x" * LONGEST_TEXT).doubts == ()

    understood = text("x" * (LONGEST_TEXT - 1) + " yz")

    assert understood.value == "x" * (LONGEST_TEXT - 1)
    assert [doubt.code for doubt in understood.doubts] == ["cut"]


# Dates


@pytest.mark.parametrize(
    "written",
    [
        "2026-04-07", "2026-4-7", "2026-04-07T00:00:00Z", "2026-04-07T00:00:00.000+00:00",
        "2026-04-07 14:05", "2026-04-07T14:05:00", "2026/04/07", "2026.4.7", "20260407",
        "07.04.2026", "7. April 2026", "7 Apr 2026", "April 7, 2026", "7th April 2026",
        "Tuesday, 7 April 2026", "२०२६-०४-०७", "2026–04–07", "2026年4月7日", "2026 年 04 月 07 日",
        "7th of April 2026", "7 de abril de 2026", "07.04.2026 14:05", "7 Apr 2026, 2:05 PM",
    ],
)  # fmt: skip
def test_date_that_leaves_no_doubt(written: str) -> None:
    understood = day(written)

    assert (understood.value.isoformat(), understood.doubts) == ("2026-04-07", ())


@pytest.mark.parametrize(
    ("written", "meant", "code"),
    [
        ("03/04/2026", "2026-04-03", "ambiguous_date"),
        ("03/04/26", "2026-04-03", "ambiguous_date"),
        ("17/04/26", "2026-04-17", "guessed_date"),
        ("17-Apr-26", "2026-04-17", "guessed_date"),
        ("17 APR 26", "2026-04-17", "guessed_date"),
        ("Apr 17, '26", "2026-04-17", "guessed_date"),
        ("2026-04-16T22:00:00Z", "2026-04-16", "guessed_date"),
        ("2026-04-16T18:15:00+0000", "2026-04-16", "guessed_date"),
    ],
)
def test_date_that_may_be_another_is_in_doubt(written: str, meant: str, code: str) -> None:
    understood = day(written)

    assert understood.value.isoformat() == meant
    assert [doubt.code for doubt in understood.doubts] == [code]


@pytest.mark.parametrize(
    "written",
    ["", "soon", "2026", "2026-13-01", "2026-02-30", "20261301", "1 May 2026 to 31 May 2026",
     "7 2026-04-07 8", "Apr 26", "17-Apr", "17-Xyz-26", "0000-01-01", "7" * 61],
)  # fmt: skip
def test_what_is_no_date_is_unclear(written: str) -> None:
    with pytest.raises(Unclear):
        day(written)


# Currencies


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("GBP", "GBP"), ("gbp", "GBP"), ("Gbp.", "GBP"), ("£", "GBP"), ("€", "EUR"), ("₹", "INR"),
        ("US$", "USD"), ("us dollar", "USD"), ("US Dollars", "USD"), ("Euro", "EUR"),
        ("euros", "EUR"), ("EUR (€)", "EUR"), ("Nepalese Rupee", "NPR"), ("zł", "PLN"),
        ("SFr.", "CHF"), ("XTS", "XTS"), ("RMB", "CNY"), ("Pound Sterling", "GBP"), ("RM", "MYR"),
    ],
)  # fmt: skip
def test_currency_that_leaves_no_doubt(written: str, code: str) -> None:
    understood = currency(written)

    assert (understood.value, understood.doubts) == (code, ())


@pytest.mark.parametrize("written", ["$", "¥", "kr", "kr.", "Rs.", "Rs", "रु", "₨", "USD/EUR"])
def test_sign_of_several_currencies_is_none_of_them(written: str) -> None:
    understood = currency(written)

    assert understood.value is None
    assert [doubt.code for doubt in understood.doubts] == ["ambiguous_currency"]


@pytest.mark.parametrize(
    ("told", "code"), [({"NPR"}, "NPR"), ({"INR"}, "INR"), ({"NPR", "INR"}, None), ({"USD"}, None)]
)
def test_rupees_are_those_that_the_answer_tells(told: set[str], code: str | None) -> None:
    assert currency("Rs.", told).value == code


@pytest.mark.parametrize("written", ["", "dollars", "12.50", "money", "USD " * 20])
def test_what_is_no_currency_is_unclear(written: str) -> None:
    with pytest.raises(Unclear):
        currency(written)
