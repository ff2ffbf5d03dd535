import copy
from typing import Any

import pytest

from extraction.documents.words import PageWords, Word
from extraction.evidence.page_index import PageIndex
from extraction.evidence.proof import prepare, prove
from extraction.invoices.schema import InvoiceFields
from tests.extraction.evidence.pages import page_of

PAGE = """Acme Supplies Ltd                    12 Foundry Lane, Leeds
VAT GB123456789                      acme@example.com

Invoice no. INV-2026-0417
Invoice date 17 April 2026
Due date     17 May 2026

Bill to
Northwind Trading Ltd
4 Harbour Street

Copy paper A4       24 box   18.50     444.00
Ballpoint pen      200 pcs    0.45      90.00

Net total                              534.00
VAT 20 %                               106.80
Total GBP                              640.80
IBAN GB29 NWBK 6016 1331 9268 19"""
INVOICE = InvoiceFields.model_validate(
    {
        "document_type": "invoice",
        "invoice_number": "INV-2026-0417",
        "invoice_date": "2026-04-17",
        "due_date": "2026-05-17",
        "currency": "GBP",
        "supplier": {"name": "Acme Supplies Ltd", "tax_id": "GB123456789"},
        "customer": {"name": "Northwind Trading Ltd", "address": "4 Harbour Street"},
        "line_items": [
            {
                "description": "Copy paper A4",
                "quantity": "24",
                "unit_price": "18.50",
                "amount": "444.00",
            },
            {"description": "Ballpoint pen", "quantity": "200", "amount": "90.00"},
        ],
        "taxable_amount": "534.00",
        "tax_total": "106.80",
        "total_amount": "640.80",
        "amount_due": "640.80",
        "iban": "GB29NWBK60161331926819",
    }
).model_dump(mode="json")


def with_value(path: str, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(INVOICE)
    *parents, name = path.split(".")
    target: Any = changed
    for parent in parents:
        target = target[int(parent)] if isinstance(target, list) else target[parent]
    target[name] = value
    return changed


def doubts(invoice: dict[str, Any], page: str = PAGE) -> set[tuple[str, str, str | None]]:
    found = prove(invoice, [page_of(page)], None)["doubts"]
    return {(doubt["path"], doubt["code"], doubt["said"]) for doubt in found}


def test_a_right_reading_is_proven_with_the_place_of_each_value() -> None:
    proof = prove(INVOICE, [page_of(PAGE)], None)

    assert proof["doubts"] == []
    assert {entry["source"] for entry in proof["evidence"].values()} == {"text"}
    number = proof["evidence"]["invoice_number"]
    assert number["page"] == 1
    assert number["box"] == pytest.approx([0.12, 0.06, 0.25, 0.076])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("invoice_number", "INV-2026-0471"),
        ("invoice_date", "2026-04-18"),
        ("due_date", "2026-05-18"),
        ("currency", "SEK"),
        ("supplier.name", "Nordlicht GmbH"),
        ("supplier.tax_id", "GB123456788"),
        ("customer.name", "Northwind Tracing Ltd"),
        ("line_items.0.amount", "443.00"),
        ("line_items.1.amount", "91.00"),
        ("taxable_amount", "535.00"),
        ("tax_total", "106.90"),
        ("total_amount", "640.90"),
        ("amount_due", "604.80"),
        ("iban", "GB29NWBK60161331926818"),
    ],
)
def test_a_wrong_key_value_is_not_printed(path: str, value: str) -> None:
    assert (path, "not_printed") in {
        (found, code) for found, code, _ in doubts(with_value(path, value))
    }


def test_what_is_printed_instead_is_told() -> None:
    assert ("total_amount", "not_printed", "640.80") in doubts(with_value("total_amount", "640.90"))
    assert ("due_date", "not_printed", "2026-05-17") in doubts(with_value("due_date", "2026-05-18"))


@pytest.mark.parametrize(
    ("path", "said"), [("due_date", "2026-05-17"), ("tax_total", None), ("currency", None)]
)
def test_a_printed_value_that_was_not_read_is_missed(path: str, said: str | None) -> None:
    missed = {(found, code) for found, code, _ in doubts(with_value(path, None))}

    assert (path, "absent") in missed
    assert said is None or (path, "absent", said) in doubts(with_value(path, None))


@pytest.mark.parametrize(
    ("path", "said"),
    [("supplier.tax_id", "GB123456789"), ("amount_due", "600.00")],
)
def test_a_labelled_value_that_was_not_read_is_missed(path: str, said: str) -> None:
    page = PAGE.replace("IBAN", "Amount due   600.00\nIBAN")

    assert (path, "absent", said) in doubts(with_value(path, None), page)


@pytest.mark.parametrize("label", ["Amount due", "Zahlbetrag", "Net à payer", "Openstaand"])
def test_a_labelled_due_amount_beside_the_total_is_missed(label: str) -> None:
    page = PAGE.replace("IBAN", f"{label}   640.80\nIBAN")

    assert doubts(with_value("amount_due", None), page) == {("amount_due", "absent", "640.80")}
    assert doubts(INVOICE, page) == set()


def test_a_due_amount_that_is_printed_as_the_total_alone_may_be_left_out() -> None:
    page = PAGE.replace("Total GBP     ", "Amount due GBP")

    assert doubts(with_value("amount_due", None), page) == set()


def test_the_customers_tax_id_is_told_from_the_suppliers() -> None:
    page = PAGE.replace("4 Harbour Street", "4 Harbour Street   Customer VAT GB987654321")
    without_supplier = INVOICE | {"supplier": {"name": "Acme Supplies Ltd", "tax_id": None}}

    assert ("customer.tax_id", "absent", "GB987654321") in doubts(INVOICE, page)
    assert {path for path, _, _ in doubts(without_supplier, page)} == {
        "supplier.tax_id",
        "customer.tax_id",
    }


def test_what_the_electronic_invoice_and_the_page_have_must_have_been_read() -> None:
    einvoice = copy.deepcopy(INVOICE) | {"prepaid_amount": "0.00", "subtotal": "999.00"}
    invoice = with_value("iban", None)
    invoice["line_items"] = invoice["line_items"][:1]
    invoice["line_items"][0]["amount"] = None

    found = prove(invoice, [page_of(PAGE)], einvoice)["doubts"]

    assert {(doubt["path"], doubt["code"]) for doubt in found} == {
        ("iban", "absent"),
        ("line_items.0.amount", "absent"),
    }


def test_the_net_amount_is_not_taken_for_the_total() -> None:
    assert ("total_amount", "contradicts_label", "640.80") in doubts(
        with_value("total_amount", "534.00")
    )


def test_the_due_date_is_not_taken_for_the_date() -> None:
    assert ("invoice_date", "contradicts_label", "2026-04-17") in doubts(
        with_value("invoice_date", "2026-05-17")
    )


def test_a_date_at_no_label_is_taken_for_the_due_date_it_is() -> None:
    page = PAGE.replace("Due date     17 May 2026", "Payable within 30 days until 17 May 2026")

    assert ("invoice_date", "contradicts_label", "2026-04-17") in doubts(
        with_value("invoice_date", "2026-05-17"), page
    )
    assert ("due_date", "absent", "2026-05-17") in doubts(with_value("due_date", None), page)


def test_the_order_number_is_not_taken_for_the_invoice_number() -> None:
    page = PAGE.replace("Bill to", "Purchase order no. PO-88213\n\nBill to")

    assert ("invoice_number", "contradicts_label", "INV-2026-0417") in doubts(
        with_value("invoice_number", "PO-88213"), page
    )


def test_exchanged_parties_are_noticed() -> None:
    swapped = INVOICE | {"supplier": INVOICE["customer"], "customer": INVOICE["supplier"]}

    assert ("supplier.name", "swapped", None) in doubts(swapped)


def test_a_value_that_follows_from_printed_ones_needs_no_place() -> None:
    page = PAGE.replace("Net total                              534.00\n", "")

    proof = prove(INVOICE, [page_of(page)], None)

    assert proof["evidence"]["taxable_amount"] == {"source": "sums", "page": None, "box": None}
    assert proof["doubts"] == []


def test_a_total_that_only_follows_must_not_contradict_a_printed_one() -> None:
    page = PAGE.replace("640.80", "640.81")

    assert ("total_amount", "contradicts_label", "640.81") in doubts(INVOICE, page)


def test_zero_needs_no_place() -> None:
    assert doubts(with_value("prepaid_amount", "0.00")) == set()


def test_a_line_is_found_where_its_description_stands() -> None:
    page = PAGE.replace("Invoice no.", "Deposit 90.00   Invoice no.")

    proof = prove(INVOICE, [page_of(page)], None)

    box = proof["evidence"]["line_items.1.amount"]["box"]
    assert box is not None
    assert box[1] == pytest.approx(0.24)


def test_the_electronic_invoice_confirms_and_contradicts() -> None:
    einvoice = with_value("total_amount", "640.90") | {"order_number": "PO-1"}
    invoice = INVOICE | {"order_number": "PO-1"}

    proof = prove(invoice, [page_of(PAGE)], einvoice)

    assert proof["evidence"]["order_number"] == {"source": "xml", "page": None, "box": None}
    assert proof["doubts"] == [
        {"path": "total_amount", "code": "contradicts_einvoice", "said": "640.90"}
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("supplier.name", "ACME SUPPLIES"),
        ("supplier.tax_id", "GB 123 456 789"),
        ("total_amount", "640.8"),
    ],
)
def test_the_electronic_invoice_may_write_a_value_otherwise(path: str, value: str) -> None:
    assert prove(INVOICE, [page_of(PAGE)], with_value(path, value))["doubts"] == []


def test_what_an_electronic_invoice_states_must_be_printed() -> None:
    printed = PAGE.replace("640.80", "640.81").replace("INV-2026-0417", "INV-2026-0418")

    found = prove(INVOICE, [page_of(printed)], INVOICE, is_einvoice=True)["doubts"]

    assert {(doubt["path"], doubt["code"], doubt["said"]) for doubt in found} == {
        ("invoice_number", "not_on_page", None),
        ("total_amount", "contradicts_label", "640.81"),
    }


def test_an_electronic_invoice_may_state_more_than_is_printed() -> None:
    printed = PAGE.replace("VAT GB123456789", "").replace("IBAN GB29 NWBK 6016 1331 9268 19", "")

    proof = prove(INVOICE, [page_of(printed)], INVOICE, is_einvoice=True)

    assert proof["doubts"] == []
    assert {entry["source"] for entry in proof["evidence"].values()} == {"xml"}


def test_a_total_that_is_printed_with_the_other_sign_is_in_doubt() -> None:
    assert ("total_amount", "wrong_sign", None) in doubts(
        INVOICE, PAGE.replace("640.80", "-640.80")
    )


def test_two_pages_are_searched_and_told_apart() -> None:
    first, second = PAGE.split("\nNet total", 1)

    proof = prove(INVOICE, [page_of(first), page_of("\nNet total" + second, 2)], None)

    assert proof["doubts"] == []
    assert proof["evidence"]["total_amount"]["page"] == 2


def test_a_labelled_customer_and_account_that_were_not_read_are_missed() -> None:
    assert doubts(with_value("customer.name", None)) == {
        ("customer.name", "absent", "Northwind Trading Ltd")
    }
    assert doubts(with_value("iban", None)) == {("iban", "absent", "GB29NWBK60161331926819")}


def test_a_customer_below_its_label_is_missed_beside_another_column() -> None:
    page = PAGE.replace("Bill to\n", "Bill to              Delivery note 12\n")

    assert {path for path, _, _ in doubts(with_value("customer.name", None), page)} == {
        "customer.name"
    }


def test_an_electronic_invoice_may_leave_out_customer_and_account() -> None:
    invoice = with_value("customer.name", None) | {"iban": None}

    assert not prove(invoice, [page_of(PAGE)], invoice, is_einvoice=True)["doubts"]


def test_a_customer_number_is_no_customer() -> None:
    invoice = with_value("customer.name", None)

    assert not doubts(invoice, PAGE.replace("Bill to\n", "Customer: 4711\n"))


@pytest.mark.parametrize(
    ("printed", "contradicts"), [("640.88", False), ("648.88", True), ("1640.80", True)]
)
def test_an_amount_at_a_label_of_a_scan_that_differs_by_a_digit_may_be_misread(
    printed: str, contradicts: bool
) -> None:
    page = PAGE.replace("Total GBP                              640.80", f"Total GBP  {printed}")
    scan = page_of(page + "\nPaid in cash: 640.80", source="ocr")

    found = prove(INVOICE, [scan])["doubts"]

    assert ("contradicts_label" in [doubt["code"] for doubt in found]) == contradicts


@pytest.mark.parametrize(
    ("turn", "box"),
    [
        (0, [0.1, 0.2, 0.4, 0.3]),
        (90, [0.2, 0.6, 0.3, 0.9]),
        (180, [0.6, 0.7, 0.9, 0.8]),
        (270, [0.7, 0.1, 0.8, 0.4]),
    ],
)
def test_evidence_stands_where_people_see_it_on_a_page_that_was_turned_to_be_read(
    turn: int, box: list[float]
) -> None:
    page = PageWords(1, "ocr", [Word("INV-2026-0417", (0.1, 0.2, 0.4, 0.3))], turn)

    found = prove(INVOICE, [page])["evidence"]["invoice_number"]

    assert found["box"] == pytest.approx(box)


def test_proofs_can_be_prepared() -> None:
    prepare()


@pytest.mark.parametrize(
    ("due", "terms", "is_proven"),
    [
        ("2026-05-17", "Payable within 30 days net", True),
        ("2026-05-18", "Payable within 30 days net", False),
        ("2026-04-27", "2 % discount within 10 days, 30 days net", False),
        ("2026-05-17", "2 % discount within 10 days, 30 days net", True),
        ("2026-05-17", "30 days after delivery", False),
        ("2026-05-17", "Payable in any event on 30 days", False),  # not what the page prints
        ("2026-05-17", None, False),
    ],
)
def test_a_due_date_may_follow_from_the_terms_that_are_printed(
    due: str, terms: str | None, is_proven: bool
) -> None:
    printed = "days 30 gone" if terms and "event" in terms else terms or ""
    page = PAGE.replace("Due date     17 May 2026", printed)
    invoice = with_value("payment_terms", terms) | {"due_date": due}

    proof = prove(invoice, [page_of(page)])

    source = proof["evidence"].get("due_date", {}).get("source")  # type: ignore[call-overload]
    assert source == ("sums" if is_proven else None)
    assert is_proven != any(doubt["path"] == "due_date" for doubt in proof["doubts"])


@pytest.mark.parametrize("path", ["total_amount", "amount_due", "tax_total", "line_items.1.amount"])
@pytest.mark.parametrize("amount", ["12.00", "4.00", "24.00", "200", "2026.00"])
def test_digits_alone_are_no_amount_where_amounts_have_cents(path: str, amount: str) -> None:
    assert (path, "not_printed") in {
        (found[0], found[1]) for found in doubts(with_value(path, amount))
    }


@pytest.mark.parametrize(
    "printed",
    [
        "Shipping GBP 9",
        "Shipping 9 GBP",
        "Shipping £9",
        "Shipping 9,-",
        "Shipping 9/-",
        "Shipping (Rs.) 9",
        "Shipping" + 36 * " " + "9",  # in the column of the amounts
    ],
)
def test_an_amount_without_cents_is_known_by_its_currency_or_its_column(printed: str) -> None:
    page = PAGE.replace("VAT 20 %", f"{printed}\nVAT 20 %")
    invoice = with_value("prepaid_amount", "9.00") | {"amount_due": "631.80"}

    found = prove(invoice, [page_of(page)])

    assert found["evidence"]["prepaid_amount"]["source"] == "text"


def test_digits_alone_are_an_amount_where_no_amount_has_cents() -> None:
    page = "Invoice INV-7\n17 April 2026\nPaper    1239\nTax   123\nTotal JPY    1362"

    places = PageIndex([page_of(page)]).amounts("1239")

    assert len(places) == 1


EINVOICE_PAGE = """Lieferant GmbH                             USt-IdNr. DE129273398

Kunden AG Mitte                            Kunden-USt-IdNr. DE136695976

Rechnung RE-17                             Rechnungsdatum: 05.03.2026
                                           Fällig am: 04.04.2026

Artikel          Menge     Preis    MwSt      Betrag
Trennblätter A4  6 Stk      9,50    19 %       57,00

Nettobetrag                                    57,00
USt 19 %                                       10,83
Gesamtbetrag EUR                               67,83
Zahlbetrag EUR                                 67,83

IBAN DE89 3704 0044 0532 0130 00"""
EINVOICE = InvoiceFields.model_validate(
    {
        "document_type": "invoice",
        "invoice_number": "RE-17",
        "invoice_date": "2026-03-05",
        "due_date": "2026-04-04",
        "currency": "EUR",
        "supplier": {"name": "Lieferant GmbH", "tax_id": "DE129273398"},
        "customer": {"name": "Kunden AG Mitte", "tax_id": "DE136695976"},
        "line_items": [
            {
                **{"description": "Trennblätter A4", "quantity": "6", "unit_price": "9.50"},
                **{"tax_rate": "19", "amount": "57.00"},
            }
        ],
        "tax_breakdown": [{"rate": "19", "taxable_amount": "57.00", "tax_amount": "10.83"}],
        "subtotal": "57.00",
        "taxable_amount": "57.00",
        "tax_total": "10.83",
        "total_amount": "67.83",
        "amount_due": "67.83",
        "iban": "DE89370400440532013000",
    }
).model_dump(mode="json")


@pytest.mark.parametrize(
    ("printed", "instead", "path", "said"),
    [
        ("RE-17", "RE-18", "invoice_number", None),
        ("05.03.2026", "06.03.2026", "invoice_date", "2026-03-06"),
        ("04.04.2026", "14.04.2026", "due_date", "2026-04-14"),
        ("Kunden AG Mitte", "Andere Firma GmbH", "customer.name", None),
        ("Lieferant GmbH", "Andere Firma GmbH", "supplier.name", None),
        ("DE129273398", "DE811907980", "supplier.tax_id", "DE811907980"),
        ("DE136695976", "DE811907980", "customer.tax_id", "DE811907980"),
        ("Trennblätter A4", "Druckerpapier", "line_items.0.description", None),
        ("6 Stk", "7 Stk", "line_items.0.quantity", None),
        ("9,50    19 %", "9,80    19 %", "line_items.0.unit_price", None),
        ("19 %       57,00", "19 %       58,00", "line_items.0.amount", None),
        ("10,83", "3,99", "tax_total", None),
        ("Nettobetrag                                    57,00",
         "Nettobetrag                                    58,00", "taxable_amount", "58.00"),
        ("Zahlbetrag EUR                                 67,83",
         "Zahlbetrag EUR                                 17,83", "amount_due", "17.83"),
        ("EUR", "CHF", "currency", "CHF"),
        ("DE89 3704 0044 0532 0130 00", "DE02 1203 0000 0000 2020 51", "iban",
         "DE02120300000000202051"),
    ],
)  # fmt: skip
def test_every_value_of_an_einvoice_that_its_page_prints_otherwise_is_told(
    printed: str, instead: str, path: str, said: str | None
) -> None:
    assert printed in EINVOICE_PAGE
    page = page_of(EINVOICE_PAGE.replace(printed, instead))

    found = prove(EINVOICE, [page], EINVOICE, is_einvoice=True)["doubts"]

    assert (path, said) in {(doubt["path"], doubt["said"]) for doubt in found}


@pytest.mark.parametrize(
    ("printed", "instead"),
    [
        ("", ""),
        ("Kunden-USt-IdNr. DE136695976", ""),
        ("USt-IdNr. DE129273398", "Steuernummer 201/113/40209"),  # of another kind
        ("IBAN DE89 3704 0044 0532 0130 00", ""),
        ("EUR", ""),
        ("Fällig am: 04.04.2026", ""),
        ("Zahlbetrag EUR", ""),
    ],
)
def test_what_the_page_of_an_einvoice_leaves_out_is_no_contradiction(
    printed: str, instead: str
) -> None:
    page = page_of(EINVOICE_PAGE.replace(printed, instead) if printed else EINVOICE_PAGE)

    assert prove(EINVOICE, [page], EINVOICE, is_einvoice=True)["doubts"] == []


@pytest.mark.parametrize("is_einvoice", [False, True])
def test_amounts_of_two_lines_that_are_exchanged_are_told(is_einvoice: bool) -> None:
    invoice = copy.deepcopy(INVOICE)
    first, second = invoice["line_items"]
    first["amount"], second["amount"] = second["amount"], first["amount"]

    told = prove(invoice, [page_of(PAGE)], None, is_einvoice=is_einvoice)["doubts"]
    scanned = prove(invoice, [page_of(PAGE, source="ocr")], None, is_einvoice=is_einvoice)

    assert {(doubt["path"], doubt["code"]) for doubt in told} == {
        ("line_items.0.amount", "other_in_row"),
        ("line_items.1.amount", "other_in_row"),
    }
    assert scanned["doubts"] == []


def test_a_line_of_an_einvoice_may_be_printed_with_its_tax_or_before_its_discount() -> None:
    for printed in ("11,31    19 %       67,83", "10,00   5 %  19 %    57,00", "57,00", ""):
        page = page_of(EINVOICE_PAGE.replace("9,50    19 %       57,00", printed))

        found = prove(EINVOICE, [page], None, is_einvoice=True)["doubts"]

        assert [doubt for doubt in found if doubt["path"].startswith("line_items")] == []


def test_a_service_of_an_einvoice_may_be_printed_without_its_quantity() -> None:
    line = EINVOICE["line_items"][0] | {"quantity": "1.00", "unit_price": "57.00"}
    page = page_of(EINVOICE_PAGE.replace("6 Stk      9,50", ""))

    found = prove(EINVOICE | {"line_items": [line]}, [page], None, is_einvoice=True)

    assert found["doubts"] == []
