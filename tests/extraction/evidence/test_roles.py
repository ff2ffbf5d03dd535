import pytest

from extraction.evidence.lines import lines_of
from extraction.evidence.printed_texts import TextIndex
from extraction.evidence.roles import are_swapped
from tests.extraction.evidence.pages import page_of

SUPPLIER, CUSTOMER = "Acme Ltd", "Northwind Trading"
LABELLED = """Acme Ltd
Bill to:
Northwind Trading
Bristol"""
TWO_COLUMNS = """
Seller:             Buyer:
Acme Ltd            Northwind Trading"""
FORM = """
Lieferant

  Name: Acme Ltd

Kunde

  Name: Northwind Trading"""
WINDOW = (
    "\n" * 6
    + """Acme Ltd, 12 Foundry Lane, Leeds
Northwind Trading
4 Harbour Street
Bristol"""
    + "\n" * 37
    + "Acme Ltd   IBAN GB29 NWBK   Tel 0113"
)


# The issuer's address at the right of the head goes on with its register and bank.
LETTERHEAD = (
    "\n" * 4
    + """                                        Acme Ltd
                                        12 Foundry Lane, Leeds
Northwind Trading                       www.acme.example
4 Harbour Street
                                        KvK 24330087
                                        IBAN NL91ABNA0417164300"""
)


@pytest.mark.parametrize("text", [LABELLED, TWO_COLUMNS, FORM, WINDOW, LETTERHEAD])
def test_exchanged_names_are_noticed(text: str) -> None:
    lines = lines_of(page_of(text))
    supplier, customer = (list(TextIndex(lines).names(name)) for name in (SUPPLIER, CUSTOMER))

    assert are_swapped(customer, supplier, lines)
    assert not are_swapped(supplier, customer, lines)


def test_names_without_any_sign_are_left_alone() -> None:
    lines = lines_of(page_of("\n" * 20 + "Acme Ltd            Northwind Trading"))
    supplier, customer = (list(TextIndex(lines).names(name)) for name in (SUPPLIER, CUSTOMER))

    assert not are_swapped(supplier, customer, lines)
    assert not are_swapped(customer, supplier, lines)
    assert not are_swapped(supplier, [], lines)


def test_a_label_within_a_name_is_none() -> None:
    lines = lines_of(page_of("LE FOURNISSEUR\n\nClient:\nLE CLIENT"))
    names = TextIndex(lines)

    assert are_swapped(list(names.names("LE CLIENT")), list(names.names("LE FOURNISSEUR")), lines)
    assert not are_swapped(
        list(names.names("LE FOURNISSEUR")), list(names.names("LE CLIENT")), lines
    )
