import pytest

from extraction.evidence.lines import lines_of
from extraction.evidence.printed_texts import TextIndex
from tests.extraction.evidence.pages import page_of


def index(text: str, *, ocr: bool = False) -> TextIndex:
    return TextIndex(lines_of(page_of(text, source="ocr" if ocr else "text")))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Invoice no. INV-2026-0417", "INV-2026-0417"),
        ("Invoice no. inv 2026 0417", "INV-2026-0417"),
        ("Nr.471102", "471102"),
        ("Number:471102,", "471102"),
        ("(471102)", "471102"),
        ("VAT FR 11 999 999 998", "FR11999999998"),
        ("miti २०८२/११/२०", "२०८२/११/२०"),
    ],
)
def test_a_code_is_found_whatever_separates_its_parts(text: str, code: str) -> None:
    assert list(index(text).codes(code))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INV-2026-0417", "2026-0417"),
        ("INV-2026-0417", "INV-2026"),
        ("INV20260417", "20260417"),
        ("0042", "42"),
        ("471102", "471103"),
        ("471102", "-"),
    ],
)
def test_a_part_of_a_code_is_not_the_code(text: str, code: str) -> None:
    assert not list(index(text).codes(code))


def test_letters_that_ocr_takes_for_digits_are_the_same() -> None:
    assert list(index("INV-2O26-O4l7", ocr=True).codes("INV-2026-0417"))
    assert not list(index("INV-2O26-O4l7").codes("INV-2026-0417"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from ACME  Office   Supplies Ltd, Leeds", "Acme Office Supplies Ltd"),
        ("Café Größe", "CAFE GROSSE"),
        ("Acme Office Supplies", "Acme Office Supplies Ltd"),
        ("Acme Office Supplies Ltd", "Acme Office Supplies Limited"),
        ("Himal Traders Pvt. Ltd.", "Himal Traders Private Limited"),
        ("Łódź Ødegård AS", "Lodz Odegard AS"),
        ("Aether Đaković", "Æther Dakovic"),
        ("Smith & Sons, Leeds", "Smith and Sons"),
        ("Müller und Söhne", "Müller & Söhne"),
        ("Mijn Coolblue-account", "Coolblue B.V."),
        ("mail to info@coolblue.nl", "Coolblue"),
        ("see www.aubonmoulin.fr", "Au bon moulin"),
        ("NF-E Emitida em\nAmbiente de homologacao", "NF-E EMITIDA EM AMBIENTE DE HOMOLOGACAO"),
    ],
)
def test_a_name_is_found_in_other_letters_and_lines(text: str, name: str) -> None:
    assert list(index(text).names(name))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Lieferant GmbH", "Lixferant GmbH"),
        ("Kunden AG", "Kunde"),
        ("Acme Office\nLeeds", "Acme Office Supplies"),
        ("Acme", "GmbH"),
        ("Beispiel AG", "Beispiel KG"),
        ("Acme Ltd", "Acme Corporation"),
        ("Smith and Sons", "Smith & Daughters"),
        ("Acme", "..."),
    ],
)
@pytest.mark.parametrize("ocr", [False, True])
def test_another_name_is_not_found(text: str, name: str, ocr: bool) -> None:
    assert not list(index(text, ocr=ocr).names(name))


def test_the_box_of_a_name_holds_its_words_and_no_others() -> None:
    [place] = index("Bill to Acme Ltd Leeds").names("Acme Ltd")

    assert place.box == pytest.approx((0.08, 0.0, 0.16, 0.016))


def test_words_of_an_address_are_counted_on_the_whole_page() -> None:
    share, place = index("Acme Ltd\n12 Foundry Lane\nLeeds LS1 4AB").words_of(
        "12 Foundry Lane, Leeds LS1 9ZZ"
    )

    assert share == pytest.approx(5 / 6)
    assert place is not None
    assert place.box[1] == pytest.approx(0.02)
    assert index("Acme").words_of("Leeds")[1] is None
    assert index("Acme").words_of("...") == (0.0, None)
