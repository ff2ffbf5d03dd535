"""Canonical invoices, one per line."""

import json
from decimal import Decimal

from extraction.exports.json_lines import json_lines
from extraction.invoices.schema import Invoice, Party
from tests.extraction.exports.made_up import make_exported

ABOUT = ["id", "file_name", "company_id", "branch", "received", "state"]


def test_a_line_is_the_canonical_invoice_with_what_is_known_of_its_document() -> None:
    exported = make_exported(supplier=Party(name="=Zoë\n<b>"), total_amount=Decimal("0.10"))

    [line] = b"".join(json_lines([exported])).decode().splitlines()

    told = json.loads(line)
    assert [told.pop(name) for name in ABOUT] == [
        str(exported.extraction.pk),
        "invoice.pdf",
        "NT047",
        "North",
        "2026-11-04T09:30:15+00:00",
        "succeeded",
    ]
    assert told["total_amount"] == "0.10"
    assert Invoice.model_validate(told) == exported.invoice


def test_every_line_ends_and_line_breaks_of_other_alphabets_do_not_split_one() -> None:
    exported = [make_exported(file_name="a\u2028b\x85c.pdf"), make_exported()]

    written = b"".join(json_lines(exported))

    assert written.endswith(b"\n")
    assert [json.loads(line)["file_name"] for line in written.split(b"\n")[:-1]] == [
        "a\u2028b\x85c.pdf",
        "invoice.pdf",
    ]


def test_nothing_exported_is_an_empty_file() -> None:
    assert b"".join(json_lines([])) == b""
