import pytest

from extraction.documents.words import PageWords
from extraction.evidence.lines import lines_of
from extraction.evidence.printed_texts import TextIndex
from extraction.evidence.roles import Party, are_swapped
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


# What invoices of a language call supplier and customer. Without a supplier's label only the
# customer's is printed, as most do.
LABELS = {
    "en": [("From:", "To:"), ("Seller", "Bill To"), ("Issued by", "Invoice to:"),
           ("", "BILLED TO:")],
    "de": [("Verkäufer", "Käufer"), ("Rechnungssteller", "Rechnungsempfänger"), ("", "Kunde:")],
    "fr": [("Émetteur", "Facturé à"), ("Fournisseur :", "Client :"),
           ("", "Adresse de facturation")],
    "es": [("Emisor", "Facturar a"), ("Proveedor", "Cliente"), ("", "DATOS DEL CLIENTE")],
    "it": [("Fornitore", "Cliente"), ("Cedente/prestatore", "Cessionario/committente"),
           ("", "Spett.le")],
    "pt": [("Emitente", "Destinatário"), ("Fornecedor", "Faturar a"), ("", "Tomador")],
    "nl": [("Leverancier", "Klant"), ("", "Factuuradres"), ("", "Factuur aan:")],
    "pl": [("Sprzedawca", "Nabywca"), ("Wystawca:", "Odbiorca:")],
    "cs": [("Dodavatel", "Odběratel"), ("Dodávateľ", "Odberateľ")],
    "hu": [("Eladó", "Vevő"), ("Szállító:", "Vevő:")],
    "ro": [("Furnizor", "Cumpărător")],
    "sl, hr": [("Izdajatelj", "Prejemnik"), ("Prodavatelj", "Kupac")],
    "sv": [("Säljare", "Köpare"), ("", "Faktureringsadress")],
    "da": [("Sælger", "Køber"), ("", "Faktureres til:")],
    "no": [("Selger", "Kjøper"), ("", "Fakturamottaker")],
    "fi": [("Myyjä", "Ostaja"), ("", "Laskutusosoite")],
    "et, lv, lt": [("Müüja", "Ostja"), ("Pārdevējs", "Pircējs"), ("Pardavėjas", "Pirkėjas")],
    "tr": [("Satıcı", "Alıcı"), ("", "Sayın")],
    "ru, uk, bg": [("Продавец", "Покупатель"), ("Постачальник:", "Покупець:"),
                   ("Доставчик", "Получател")],
    "el": [("Προμηθευτής", "Πελάτης")],
    "ja": [("発行者", "請求先"), ("売主", "買主"), ("", "ご請求先")],
    "zh": [("销售方", "购买方"), ("賣方：", "買方：")],
    "ko": [("공급자", "공급받는자")],
    "vi, id": [("Người bán", "Người mua"), ("Penjual", "Kepada Yth.")],
    "ar, he": [("البائع", "المشتري"), ("", "לכבוד")],
    "hi, ne": [("विक्रेता", "क्रेता"), ("", "ग्राहक")],
}  # fmt: skip
PAIRS = [
    pytest.param(*pair, id=f"{language} {' '.join(pair)}")
    for language, pairs in LABELS.items()
    for pair in pairs
]


def parties_of(page: PageWords, *ids: str) -> tuple[Party, Party]:
    """Where the names of supplier and customer stand, and the ids that were read of them."""
    texts = TextIndex(lines_of(page))
    places = [list(texts.codes(each)) for each in ids] or [[], []]
    supplier, customer = (
        Party(list(texts.names(name)), found)
        for name, found in zip((SUPPLIER, CUSTOMER), places, strict=True)
    )
    return supplier, customer


def assert_told(text: str) -> None:
    page = page_of(text)
    supplier, customer = parties_of(page)

    assert are_swapped(customer, supplier, lines_of(page))
    assert not are_swapped(supplier, customer, lines_of(page))


BANKS = WINDOW.replace("IBAN GB29 NWBK   Tel 0113", "Bankverbindung Sparkasse Leeds")


@pytest.mark.parametrize("text", [LABELLED, TWO_COLUMNS, FORM, WINDOW, BANKS, LETTERHEAD])
def test_exchanged_names_are_noticed(text: str) -> None:
    assert_told(text)


@pytest.mark.parametrize(("supplier", "customer"), PAIRS)
def test_labels_above_the_names_tell_them(supplier: str, customer: str) -> None:
    assert_told("\n" * 6 + f"{supplier}\nAcme Ltd\nLeeds\n\n{customer}\nNorthwind Trading\nBristol")


@pytest.mark.parametrize(("supplier", "customer"), PAIRS)
def test_labels_beside_the_names_tell_them(supplier: str, customer: str) -> None:
    assert_told("\n" * 6 + f"{customer}  Northwind Trading\n\n\n{supplier}  Acme Ltd")


@pytest.mark.parametrize(("supplier", "customer"), PAIRS)
def test_labels_of_two_columns_tell_the_names(supplier: str, customer: str) -> None:
    assert_told(
        "\n" * 6 + f"{customer:40}{supplier}\n{'Northwind Trading':40}Acme Ltd\n{'Bristol':40}Leeds"
    )


@pytest.mark.parametrize("name", ["Northwind Trading 御中", "Northwind Trading様"])
def test_an_honorific_makes_a_name_the_customers(name: str) -> None:
    assert_told("\n" * 6 + f"{name:40}Acme Ltd")


@pytest.mark.parametrize(
    "line",
    [
        "Customer no.: 4711",
        "Your customer number  4711",
        "Payment is due 30 days from invoice date, to be paid to us.",
        "Period from 2026-01-01 to 2026-01-31",
    ],
)
def test_what_names_nobody_is_no_label(line: str) -> None:
    page = page_of("\n" * 20 + f"{line}\nAcme Ltd            Northwind Trading")
    supplier, customer = parties_of(page)

    assert not are_swapped(supplier, customer, lines_of(page))
    assert not are_swapped(customer, supplier, lines_of(page))


IDS = "GB123456789", "DE987654321"


@pytest.mark.parametrize(
    "text",
    [
        "Acme Ltd                      Northwind Trading\n"
        "Leeds                         Bristol\n"
        "VAT GB123456789               VAT DE987654321",
        "Acme Ltd, Leeds, VAT GB123456789\n\n\n\nNorthwind Trading\nBristol",
    ],
)
def test_a_tax_id_tells_whose_name_it_stands_at(text: str) -> None:
    page = page_of("\n" * 20 + text)
    supplier, customer = parties_of(page, *IDS)
    names_alone = Party(customer.names, supplier.ids), Party(supplier.names, customer.ids)

    assert are_swapped(*names_alone, lines_of(page))
    assert not are_swapped(supplier, customer, lines_of(page))


@pytest.mark.parametrize(
    "line",
    ["Customer VAT number: DE987654321", "Ihre USt-IdNr. DE987654321", "N° TVA client DE987654321"],
)
def test_the_label_of_a_tax_id_tells_whose_it_is(line: str) -> None:
    page = page_of("\n" * 20 + f"Acme Ltd            Northwind Trading\n\n\n\n\n\n\n\n\n{line}")
    supplier, customer = parties_of(page, *IDS)

    assert are_swapped(customer, supplier, lines_of(page))
    assert not are_swapped(supplier, customer, lines_of(page))


def test_names_without_any_sign_are_left_alone() -> None:
    page = page_of("\n" * 20 + "Acme Ltd            Northwind Trading")
    supplier, customer = parties_of(page)

    assert not are_swapped(supplier, customer, lines_of(page))
    assert not are_swapped(customer, supplier, lines_of(page))
    assert not are_swapped(supplier, Party([]), lines_of(page))


def test_a_label_within_a_name_is_none() -> None:
    lines = lines_of(page_of("LE FOURNISSEUR\n\nClient:\nLE CLIENT"))
    names = TextIndex(lines)
    supplier = Party(list(names.names("LE FOURNISSEUR")))
    customer = Party(list(names.names("LE CLIENT")))

    assert are_swapped(customer, supplier, lines)
    assert not are_swapped(supplier, customer, lines)
