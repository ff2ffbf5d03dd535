"""Numbers in every notation: certain, doubtful, or none."""

from decimal import Decimal

import pytest

from extraction.readers.gemini.notations import Unclear
from extraction.readers.gemini.numbers import MOST_DIGITS, decimal_sign, number, rate_in


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1234.50", "1234.50"),
        ("-0.00", "-0.00"),
        ("007.10", "7.10"),
        ("1,234.50", "1234.50"),
        ("12,345,678", "12345678"),
        ("1,23,456.00", "123456.00"),
        ("1,23,45,678", "12345678"),
        ("1'234.50", "1234.50"),
        ("1’234’567.5", "1234567.5"),
        ("１，２３４．５０", "1234.50"),
        ("1 234.50", "1234.50"),
        ("1\u00a0234\u202f567", "1234567"),
        ("1_000", "1000"),
        ("0.500", "0.500"),
        ("1234.567", "1234.567"),
        ("5.", "5"),
        (".5", "0.5"),
        ("+5", "5"),
        ("\u221212.50", "-12.50"),
        ("–12.50", "-12.50"),
        ("- 12.50", "-12.50"),
        ("12.50-", "-12.50"),
        ("(1,234.50)", "-1234.50"),
        ("£5.00", "5.00"),
        ("-£5.00", "-5.00"),
        ("£-5.00", "-5.00"),
        ("(£5.00)", "-5.00"),
        ("£.50", "0.50"),
        ("5.00 €", "5.00"),
        ("CHF 12.50", "12.50"),
        ("12.50 chf", "12.50"),
        ("US$ 12.50", "12.50"),
        ("Rs.500.25", "500.25"),
        ("Rs. 500/-", "500"),
        ("रु. ५००.५०", "500.50"),
        ("12,-", "12"),
        ("12.—", "12"),
        ("12/=", "12"),
        ("12.50*", "12.50"),
        ("**12.50**", "12.50"),
        ("12.50 CR", "-12.50"),
        ("20%", "20"),
        ("20 %", "20"),
        ("１２.５", "12.5"),
        ("٣٫٥", "3.5"),
        ("12\u200b.50\n", "12.50"),
    ],
)
def test_form_that_leaves_no_doubt(written: str, meant: str) -> None:
    understood = number(written)

    assert format(understood.value, "f") == meant
    assert understood.doubts == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1.234,50", "1234.50"),
        ("1 234,50", "1234.50"),
        ("1'234,50", "1234.50"),
        ("1.234.567", "1234567"),
        ("12,5", "12.5"),
        ("0,500", "0.500"),
        (",5", "0.5"),
        ("1234,5678", "1234.5678"),
        ("-1.234,50 €", "-1234.50"),
    ],
)
def test_decimal_comma_is_understood_and_in_doubt(written: str, meant: str) -> None:
    understood = number(written)

    assert format(understood.value, "f") == meant
    assert [doubt.code for doubt in understood.doubts] == ["decimal_comma"]


@pytest.mark.parametrize(
    ("written", "sign", "meant", "code"),
    [
        ("1.234", "", "1.234", "ambiguous_number"),
        ("1.234", ".", "1.234", None),
        ("1.234", ",", "1234", "decimal_comma"),
        ("-1,234", "", "-1234", "ambiguous_number"),
        ("-1,234", ".", "-1234", None),
        ("-1,234", ",", "-1.234", "decimal_comma"),
        # What the others prove changes nothing where there is but one meaning.
        ("1,234.50", ",", "1234.50", None),
        ("12,5", ".", "12.5", "decimal_comma"),
    ],
)
def test_separator_that_may_be_either_is_what_the_other_numbers_prove(
    written: str, sign: str, meant: str, code: str | None
) -> None:
    understood = number(written, sign)

    assert format(understood.value, "f") == meant
    assert [doubt.code for doubt in understood.doubts] == ([code] if code else [])


def test_doubt_names_both_meanings() -> None:
    assert number("1.234").doubts[0].text == '"1.234" was read as 1.234; it may mean 1234.'


@pytest.mark.parametrize(
    ("numbers", "sign"),
    [
        ([], ""),
        (["1.234", "12", "abc"], ""),
        (["1.234", "928.08"], "."),
        (["1,234.50"], "."),
        (["1,234,567"], "."),
        (["12,50", "1.234"], ","),
        (["24 box", "0,5 kg"], ","),
        (["12,50", "928.08"], ""),
    ],
)
def test_decimal_sign_is_proved_by_numbers_that_have_one_meaning(
    numbers: list[str], sign: str
) -> None:
    assert decimal_sign(numbers) == sign


@pytest.mark.parametrize(
    "written",
    [
        "", "-", "abc", "1e5", "12 34", "1.23,50", "1,2,3", "12.345.67", "1.234,567.8", "--5",
        "-(5)", "(5", "5 x 2", "~5", "1,23,45", "1234,567,890", ".", ",", "½", "5²", "24 box",
        "3 lakh", "9" * 25, "0." + "1" * 24, "1" * 61,
    ],
)  # fmt: skip
def test_what_is_no_number_is_unclear(written: str) -> None:
    with pytest.raises(Unclear):
        number(written)


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("VAT 20%", "20"), ("20.00 % (S)", "20.00"), ("-15 % IRPF", "-15"), ("IRPF-15%", "15"),
        ("19,5 percent", "19,5"), ("20% of 7%", "20% of 7%"), ("exempt", "exempt"), ("20", "20"),
    ],
)  # fmt: skip
def test_rate_stands_beside_other_words(written: str, rate: str) -> None:
    assert rate_in(written) == rate


@pytest.mark.parametrize("written", ["24 box", "24 pcs.", "24 m²", "24kg"])
def test_quantity_may_have_its_unit(written: str) -> None:
    assert number(written, unit_allowed=True).value == 24


@pytest.mark.parametrize(
    ("written", "meant"), [("10.10", "10.10"), ("1E+3", "1000"), ("1E-3", "0.001"), ("-5", "-5")]
)
def test_number_of_json_is_exact(written: str, meant: str) -> None:
    understood = number(Decimal(written))

    assert (str(understood.value), understood.doubts) == (meant, ())


@pytest.mark.parametrize("written", ["1E+24", "1E-24", "1E+999999", "9" * 25, "NaN", "-Infinity"])
def test_number_of_json_beyond_what_is_kept_is_unclear(written: str) -> None:
    with pytest.raises(Unclear):
        number(Decimal(written))


def test_longest_numbers_are_kept() -> None:
    assert number("9" * MOST_DIGITS).value == Decimal("9" * MOST_DIGITS)
    assert number("0." + "1" * 23).value == Decimal("0." + "1" * 23)
