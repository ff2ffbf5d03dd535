import pytest

from extraction.evidence.printed_ibans import ibans_in


@pytest.mark.parametrize(
    ("line", "iban"),
    [
        ("IBAN: DE89 3704 0044 0532 0130 00  BIC: COBADEFFXXX", "DE89370400440532013000"),
        ("IBAN DE89370400440532013000 BIC COBADEFFXXX", "DE89370400440532013000"),
        ("Bank: ING, IBAN nl91abna0417164300", "NL91ABNA0417164300"),
        ("IBAN DE89 3704  0044  0532 0130  00", "DE89370400440532013000"),
        ("IBAN NO93 8601 1117 947", "NO9386011117947"),
        ("IBAN MT84 MALT 0110 0001 2345 MTLC AST0 01S", "MT84MALT011000012345MTLCAST001S"),
    ],
)
def test_a_labelled_iban_is_found_whatever_follows_it(line: str, iban: str) -> None:
    assert list(ibans_in(["Total 1.00", line])) == [iban]


@pytest.mark.parametrize(
    "line",
    [
        "IBAN: DE89 3704 0044 0532 0130 01",
        "DE89 3704 0044 0532 0130 00",
        "IBAN and BIC are below",
        "IBAN DE89 3704",
    ],
)
def test_numbers_without_the_label_or_with_wrong_check_digits_are_none(line: str) -> None:
    assert not list(ibans_in([line]))
