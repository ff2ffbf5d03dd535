"""What fields and parameters of the API mean that their models do not describe themselves.

By name, or by shape and name where one name has several meanings. The canonical invoice has its own
descriptions only where a model that reads needs them: each word of them is paid for in every call.
"""

from collections.abc import Iterator
from typing import Any

_MONEY = "A decimal string in the invoice's currency."
_OLD_MONEY = "In the invoice's currency; null when absent."
_DAY = "ISO 8601."
_TIME = "UTC, ISO 8601."
_OF_ROW = "Of the group, where it was asked for."

FIELDS = {
    # Who and what
    "id": "Its id.",
    "company_id": "Id of the company.",
    "companyID": "Id of the company that pays; at most 50 UTF-16 units.",
    "company_name": "Name of the company.",
    "username": "Who asks; at most 100 UTF-16 units.",
    "branch": "Branch of the company; Default when none was sent.",
    "licenceID": "Kept with the request; at most 100 UTF-16 units.",
    "licence_id": "As sent; null when it was not.",
    "requested_by": "Who asked: username as sent.",
    "labels": "Labels by key.",
    "url": "Where messages are sent.",
    "events": "What it is told of.",
    "name": "Its name.",
    "token_id": "Id of the key.",
    "quota_id": "Id of the quota.",
    "results": "Those that were asked for, in order.",
    # A request
    "file": "The document: PDF, JPEG, PNG, WebP, TIFF, GIF, BMP, AVIF or HEIC.",
    "force": "Whether to read again what was read before.",
    # An extraction
    "status": "ok: it was read; pending: not yet; error: it was not.",
    "state": "Where it stands; waiting: for a retry.",
    "message": "Names the case, in a sentence for people.",
    "detail": "Of a failure: what happened and what to do.",
    "code": "Of a failure: stable, for programs.",
    "http_status": "What /extract would have answered; null while it has not ended.",
    "file_name": "As sent, without folders.",
    "media_type": "By its content, such as application/pdf.",
    "page_count": "Number of pages.",
    "created_at": f"When it came in. {_TIME}",
    "started_at": f"When work on it began. {_TIME}",
    "finished_at": f"When it ended; null before. {_TIME}",
    "duplicate_of": "Id of the first extraction of these bytes.",
    "attempts": "Calls to providers, in order.",
    "original": "The invoice as it was read, once a person has changed it.",
    "reviewed": "What a person decided; null before.",
    "needs_review": "Whether a person should look at it.",
    "supplier_name": "The supplier, as printed.",
    "supplier_tax_id": "The supplier's tax id, as printed.",
    # A batch
    "batch": "Id of the batch.",
    "documents": "Number of documents.",
    "counts": "Documents by state.",
    "queued": "Documents that wait to be read.",
    "processing": "Documents that are being read.",
    "succeeded": "Documents that were read.",
    "failed": "Documents that could not be read.",
    "cancelled": "Documents that a person had not read.",
    # A decision
    "by": "Who decided.",
    "at": f"When. {_TIME}",
    "decision": "approved or rejected.",
    "reason": "Why; a sentence for people.",
    # The canonical invoice
    "invoice": "The canonical invoice.",
    "document_type": "What kind of document it is.",
    "invoice_number": "As printed.",
    "invoice_date": f"Date of issue. {_DAY}",
    "due_date": f"Last day to pay. {_DAY}",
    "order_number": "The customer's order, as printed.",
    "delivery_note_number": "As printed.",
    "transaction_type": "As printed, such as cash or credit.",
    "transaction_date": f"Date of the transaction. {_DAY}",
    "vehicle_number": "Of the vehicle that delivers, as printed.",
    "transporter": "Who delivers, as printed.",
    "pws_number": "As printed.",
    "supplier": "Who issued the document.",
    "customer": "Whom it is addressed to.",
    "line_items": "Lines of goods or services, as printed.",
    "tax_breakdown": "Tax by rate.",
    "tax_total": f"Sum of all tax. {_MONEY}",
    "total_amount": f"Grand total, with tax. {_MONEY}",
    "payment_discounts": "Discounts for early payment.",
    "checks": "Sums and dates that were checked.",
    "reasons": "Why a person should look at it.",
    "warnings": "Sentences about what was guessed or left out in reading.",
    "schema_version": "Of the canonical invoice.",
    "model": "Which model read it.",
    "usage": "LLM tokens of the call that succeeded.",
    "tax_id": "As printed.",
    "address": "As printed; lines end with a line feed.",
    "description": "What is sold, as printed.",
    "item_code": "The supplier's code of the item.",
    "hs_code": "Code of the Harmonized System.",
    "quantity": "A decimal string, in units.",
    "unit": "Unit of the quantity, as printed.",
    "unit_price": f"Price of a unit. {_MONEY}",
    "discount": f"Discount of the line. {_MONEY}",
    "shortage": "Units that were missing.",
    "breakage": "Units that were broken.",
    "leakage": "Units that had leaked.",
    "taxable_amount": f"Net amount that is taxed. {_MONEY}",
    "tax_amount": f"Tax on it. {_MONEY}",
    "percent": "A decimal string; 2 is two percent.",
    "amount": _MONEY,
    "currency": "ISO 4217.",
    # Checks, evidence and reasons
    "passed": "Whether it holds.",
    "expected": "What should stand there; null where nothing can be told.",
    "actual": "What stands there.",
    "paths": "The values concerned, the one that is compared first.",
    "path": 'The value concerned; "" for the whole document.',
    "text": "A sentence for people.",
    "source": "What says so: see the details of the API.",
    "page": "From 1; null where the value has no place.",
    "box": "Left, top, right and bottom as shares (0 to 1) of the page; null where there is none.",
    # Usage
    "calls": "Number of calls to providers.",
    "input_tokens": "LLM tokens of requests.",
    "cached_tokens": "Part of the input, from the provider's cache.",
    "output_tokens": "LLM tokens of answers.",
    "thinking_tokens": "LLM tokens of thinking.",
    "total_tokens": "Input, output and thinking.",
    "outcome": "How it ended; unknown: nobody knows whether it was answered.",
    "since": f"First day, counted. {_DAY}",
    "until": f"Last day, counted. {_DAY}",
    # Webhooks, and what staff manage
    "disabled_reason": "Why it is disabled; empty while it is not.",
    "last_success_at": f"When a message last arrived. {_TIME}",
    "scopes": "What the client may do.",
    "branches": "Branches of the company.",
    "provider": "Whose key it is.",
    "project": "The provider's project, whose limits its keys share.",
    "status_reason": "Why it has its status.",
    # The names of the former service
    "order_no": "The customer's order, as printed.",
    "invoice_no": "Number of the invoice, as printed.",
    "delivery_note": "Its number, as printed.",
    "vehicle_no": "Of the vehicle that delivers, as printed.",
    "pws_no": "As printed.",
    "sub_total": f"Sum of the lines before discounts. {_OLD_MONEY}",
    "discount_total": f"Discounts of the document. {_OLD_MONEY}",
    "taxable_value": f"Net amount that is taxed. {_OLD_MONEY}",
    "vat_total": f"Sum of all tax. {_OLD_MONEY}",
    "products": "Lines of goods or services.",
    "sku_code": "The supplier's code of the item.",
    "hscode": "Code of the Harmonized System.",
    # By shape
    "Call.model": "Which model was asked.",
    "Call.finished_at": f"When it ended; null while it is under way. {_TIME}",
    "Call.started_at": f"When it began. {_TIME}",
    "Check.code": "Which check: stable, for programs.",
    "Cost.amount": "A decimal string in this currency.",
    "ExtractProblem.status": "Always error.",
    "ExtractProblem.data": "Always null.",
    "Grant.username": "Of the person.",
    "LegacyInvoice.total_amount": f"Grand total, with tax. {_OLD_MONEY}",
    "LegacyLine.batch": "Batch of the goods, as printed.",
    "LegacyLine.discount": f"Discount of the line. {_OLD_MONEY}",
    "LegacyLine.quantity": "In units; null when absent.",
    "LineItem.batch": "Batch of the goods, as printed.",
    "Party.name": "As printed.",
    "Reason.code": "Stable, for programs.",
    "UsageRow.branch": _OF_ROW,
    "UsageRow.company_id": _OF_ROW,
    "UsageRow.requested_by": _OF_ROW,
    "UsageRow.token_id": _OF_ROW,
    # In addresses
    "batch_id": "Id of the batch.",
    "extraction_id": "Id of the extraction.",
    "endpoint_id": "Id of the webhook.",
    "grant_id": "Id of the grant.",
    "client": "Prefix of the client's key.",
    "number": "Number of the page, from 1.",
}
# Of what is not sent in.
_CREATED = dict.fromkeys(
    ("ClientWithKey", "ManagedClient", "ManagedCompany", "ManagedKey", "NewWebhook", "Webhook"),
    f"When it was added. {_TIME}",
)


def describe(result: dict[str, Any]) -> dict[str, Any]:
    """Describe what a description of the API leaves undescribed; the same object is returned."""
    for shape, name, said in _fields(result):
        if not said.get("description"):
            text = FIELDS.get(f"{shape}.{name}") or FIELDS.get(name, "")
            said["description"] = _CREATED.get(shape, text) if name == "created_at" else text
    return result


def _fields(result: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Shape, name and description of each field; parameters of addresses are of no shape."""
    for shape, described in result["components"]["schemas"].items():
        for name, said in described.get("properties", {}).items():
            yield shape, name, said
    for methods in result["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                yield "", parameter["name"], parameter
