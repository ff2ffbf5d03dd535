"""What the result page says of each value: where it comes from, and why to compare it."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from extraction.documents.intake import folder_of
from extraction.invoices.schema import Evidence, Party, Reason
from extraction.models import Attempt, Extraction
from tests.extraction.sample_invoices import LINE
from tests.extraction.test_views import html, succeeded
from tests.tokens.rows import make_token
from tokens.models import TokenUsageLog

BOX = (0.1, 0.25, 0.3, 0.2675)
ON_PAGE_1 = Evidence(source="text", page=1, box=BOX)
FAINT = "The total is faint."


def shown(client: Client, *, pages: int = 1, **fields: Any) -> str:
    """The result page of an invoice whose document has so many drawn pages."""
    extraction = succeeded(**fields)
    folder = folder_of(extraction.pk) / "pages"
    folder.mkdir(parents=True)
    for number in range(1, pages + 1):
        (folder / f"{number:03}.jpg").write_bytes(b"")
    return html(client.get(f"/extractions/{extraction.pk}/"))


def reason(path: str, text: str) -> Reason:
    return Reason(path=path, code="not_printed", text=text)


def tag_of(path: str, page: str) -> str:
    """The opening tag of the element that shows a value."""
    (tag,) = re.findall(rf'<\w+[^>]* id="value-{re.escape(path)}"[^>]*>', page)
    return str(tag)


def marks_of(path: str, page: str) -> list[str]:
    """The marks beside a value."""
    after = page.split(tag_of(path, page))[1]
    until = re.split(r"</td>|</dd>|</h2>", after)[0]
    marks = re.findall(r'<span class="(?:flag|source)"[^>]*>(.*?</span>[^<]*)</span>', until)
    return [re.sub(r"<[^>]+>", "", mark) for mark in marks]


def test_reasons_come_first_and_lead_to_their_values(signed_in: Client) -> None:
    page = shown(
        signed_in,
        needs_review=True,
        reasons=[
            reason("", "The values could not be compared."),
            reason("total_amount", "The total 119.00 is not printed; <b>90.00</b> is."),
            reason("line_items.0.amount", "The amount of line 1 is not printed."),
        ],
    )

    assert "To compare (3)" in page
    assert '<li id="reason-1">The values could not be compared.</li>' in page
    assert (
        '<li id="reason-2"><a href="#value-total_amount">'
        "The total 119.00 is not printed; &lt;b&gt;90.00&lt;/b&gt; is.</a></li>"
    ) in page
    assert '<li id="reason-3"><a href="#value-line_items.0.amount">' in page
    assert page.index("To compare") < page.index("<h2>Document</h2>")
    for path, described in (("total_amount", "reason-2"), ("line_items.0.amount", "reason-3")):
        tag = tag_of(path, page)
        assert f'aria-describedby="{described}"' in tag
        assert 'tabindex="0"' in tag
    assert marks_of("total_amount", page) == ["!to compare, reason 2"]
    assert page.count("data-flagged") == 2


def test_value_of_several_reasons_names_each(signed_in: Client) -> None:
    reasons = [reason("total_amount", "Not printed."), reason("total_amount", "No sum.")]

    page = shown(signed_in, needs_review=True, reasons=reasons)

    assert 'aria-describedby="reason-1 reason-2"' in tag_of("total_amount", page)
    assert marks_of("total_amount", page) == ["!to compare, reason 1", "!to compare, reason 2"]


def test_missing_values_are_shown_for_their_reasons(signed_in: Client) -> None:
    paths = ["due_date", "line_items.0.tax_rate", "tax_breakdown"]
    reasons = [reason(path, f"No {path}.") for path in paths]

    page = shown(signed_in, needs_review=True, tax_breakdown=[], reasons=reasons)

    for path in paths:
        assert f'<a href="#value-{path}">' in page
        after = page.split(tag_of(path, page))[1]
        assert '<span class="absent">not found</span>' in after or path == "tax_breakdown"
    assert '<p class="absent">not found</p>' in page
    assert marks_of("tax_breakdown", page) == ["!to compare, reason 3"]


@pytest.mark.parametrize("path", ["line_items.7.amount", "supplier", "no.such.path"])
def test_reason_of_a_value_that_is_not_shown_is_no_link(signed_in: Client, path: str) -> None:
    page = shown(signed_in, needs_review=True, reasons=[reason(path, "Not printed.")])

    assert '<li id="reason-1">Not printed.</li>' in page


def test_many_reasons_are_folded_from_the_eleventh_on(signed_in: Client) -> None:
    reasons = [reason("", f"Reason {number}.") for number in range(1, 13)]

    page = shown(signed_in, needs_review=True, reasons=reasons)

    first, rest = page.split("<details>")
    assert "To compare (12)" in first
    assert re.findall(r'id="reason-(\d+)"', first) == [str(number) for number in range(1, 11)]
    assert "<summary>2 more</summary>" in rest
    assert "The JSON has all" not in rest
    assert re.findall(r'<ol class="reasons" start="11"> <li id="reason-(\d+)"', rest) == ["11"]


def test_longest_invoices_are_shown_in_part(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extraction.invoices.presentation.MOST", 20)
    monkeypatch.setattr("extraction.invoices.annotations.MOST", 15)
    paths = [f"line_items.{number}.amount" for number in range(29)]
    reasons = [reason(path, f"Reason {path}.") for path in paths]

    page = shown(signed_in, needs_review=True, line_items=[LINE] * 30, reasons=reasons)

    assert page.count("<td>Soap</td>") == 20
    assert "10 more rows are in the JSON." in page
    assert "To compare (29)" in page
    assert page.count('<li id="reason-') == page.count("data-flagged") == 15
    assert "<p>The JSON has all 29.</p>" in page


def test_warnings_that_are_reasons_are_told_once_and_others_are_notes(signed_in: Client) -> None:
    page = shown(
        signed_in,
        needs_review=True,
        reasons=[reason("", FAINT)],
        warnings=[FAINT, "A currency sign was left out."],
    )

    assert page.count(FAINT) == 1
    assert "Notes" in page
    assert "<ul><li>A currency sign was left out.</li></ul>" in page
    assert "Please note" not in page


def test_no_notes_where_every_warning_is_a_reason(signed_in: Client) -> None:
    reasons = [reason("", FAINT)]

    page = shown(signed_in, needs_review=True, reasons=reasons, warnings=[FAINT])

    assert "Notes" not in page


@pytest.mark.parametrize(
    ("source", "mark", "meaning"),
    [
        ("xml", "XML", "stated by the electronic invoice in the PDF"),
        ("text", "page", "printed on the page"),
        ("ocr", "OCR", "found on the page by OCR"),
        ("sums", "sum", "not printed, but follows from values that are"),
        ("model", "reader only", "found nowhere on the document"),
    ],
)
def test_each_value_says_where_it_comes_from(
    signed_in: Client, source: Any, mark: str, meaning: str
) -> None:
    evidence = Evidence(source=source)
    paths = ["total_amount", "supplier.name", "line_items.0.amount"]

    page = shown(signed_in, evidence=dict.fromkeys(paths, evidence))

    for path in paths:
        assert marks_of(path, page) == [f"source: {mark}"]
    assert page.count(f'<span class="source" title="{meaning}">') == len(paths)
    assert f'<span class="source">{mark}</span> {meaning}.' in page


def test_values_with_a_place_can_be_focused_to_show_it(signed_in: Client) -> None:
    evidence = {
        "total_amount": ON_PAGE_1,
        "line_items.0.amount": Evidence(source="ocr", page=2, box=BOX),
        "line_items.0.quantity": Evidence(source="sums"),
    }

    page = shown(signed_in, pages=2, evidence=evidence)

    for path, number in (("total_amount", 1), ("line_items.0.amount", 2)):
        attributes = ['tabindex="0"', f'data-page="{number}"', 'data-box="0.1 0.25 0.3 0.2675"']
        assert all(attribute in tag_of(path, page) for attribute in attributes)
        assert f'/pages/{number}" data-page="{number}">' in page
    assert tag_of("line_items.0.quantity", page) == (
        '<td class="number" id="value-line_items.0.quantity">'
    )
    assert 'class="number"' in tag_of("line_items.0.amount", page)
    assert re.search(r'<script src="[^"]*/places[.\w]*\.js" defer>', page)
    assert "the page shows its place" in page


def test_place_on_a_page_without_image_is_not_offered(signed_in: Client) -> None:
    page = shown(signed_in, pages=0, evidence={"total_amount": ON_PAGE_1})

    assert tag_of("total_amount", page) == '<div id="value-total_amount">'
    assert marks_of("total_amount", page) == ["source: page"]
    assert "/places." not in page
    assert "the page shows its place" not in page


def test_results_older_than_evidence_are_shown_as_before(signed_in: Client) -> None:
    page = shown(signed_in, needs_review=True, warnings=[FAINT])

    assert "Compare this result with the document." in page
    assert f"<li>{FAINT}</li>" in page
    assert '<td class="number">50.00</td>' in page
    for new in ("To compare", "Notes", "value-", "data-box", 'class="source"', 'class="flag"'):
        assert new not in page


def test_hostile_values_and_reasons_are_inert(signed_in: Client) -> None:
    hostile = '"><script>alert(1)</script>'
    page = shown(
        signed_in,
        needs_review=True,
        supplier=Party(name=hostile),
        line_items=[LINE.model_copy(update={"amount": Decimal(1)})],
        reasons=[reason("supplier.name", hostile), reason(hostile, hostile)],
        warnings=[hostile, f"{hostile}!"],
    )

    assert "<script>alert" not in page
    assert page.count("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") == 5


def test_cost_of_every_call_for_the_document_is_told(signed_in: Client) -> None:
    extraction = succeeded()
    Extraction.objects.update(attempts=3)
    token = make_token(company_id="NT047")
    for number, cost in enumerate(["0.0031", "0.2", None], start=1):
        attempt = Attempt.objects.create(
            extraction=extraction, number=number, token=token, model="gemini", reserved=9_000
        )
        TokenUsageLog.objects.create(
            attempt_id=attempt.pk,
            token=token,
            total_tokens_used=9,
            cost=cost,
            currency="USD" if cost else None,
        )

    page = html(signed_in.get(f"/extractions/{extraction.pk}/"))

    assert "<dt>Cost</dt><dd>USD 0.2031" in page
    assert "not known of 1 call</span>" in page


def test_document_that_cost_nothing_tells_no_cost(signed_in: Client) -> None:
    assert "<dt>Cost</dt>" not in shown(signed_in)
