"""The report of ``make accuracy`` as Markdown. Without dates or times: it changes with the code."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.measured import DocumentKind, Measured, Reason, Receipt, Tried
from benchmarks.readings import FieldRead
from benchmarks.wrong_answers import NOTHING, NULL, OF_ALL, OF_PARTS, OF_VALUES, OTHER

_KINDS: dict[DocumentKind, str] = {
    "xml": "PDFs with their e-invoice",
    "page": "Digital pages alone",
    "scan": "Scans, by OCR",
}
_GROUPS = {
    "shared": "The shared invoices",
    "samples": "Our samples",
    "folder": "The folder that was named",
}
_SOURCES = ("xml", "text", "ocr", "sums", "model")
_INTRODUCTION = """\
# Accuracy

Written by `make accuracy`, which measures all of it again in about ten minutes; not edited by hand.
It takes the shared invoices from `$OCRSITE_SHARED` (else `../shared`), our own from `samples/`, and
those of a folder of yours: `make accuracy INVOICES=folder` takes PDFs and images with the canonical
answer beside each as `<file>.json`, and PDFs with an e-invoice, which is then the truth. Every
answer goes the way of production, from the upload to the result; the Gemini emulator answers for
the model. A PDF with an e-invoice is measured twice, as it is and without its attachment, so that
the evidence of its page stands alone.
"""
_READING = """\
## What is read without a model

The e-invoice inside the PDF, else the text of the pages or OCR. Source is the evidence of the value
that was read: the e-invoice, the text layer, OCR, sums of proven values, or nothing but the reader
(model). Compared is every value of the right answer that has a place on the page, the fields of
lines included. Flagged: a reason for review names the value or the part that it belongs to; rules
that read a page always ask for a look at the whole, which does not count here.
"""
_WRONG = """\
## Wrong answers

A model answers right but for one value. It is flagged when the result needs review for a reason
that names the wrong value or that the right answer does not have; named are those of the first
kind. Each cell: flagged / tried. One digit, letter, name and so on is changed at random, the same
ones in every run; of the lines and of the rows of the tax breakdown two are taken.
"""
_RIGHT = """\
## False alarms

A model answers right. Named: key values that a reason for review names although they are right.
"""
_RECEIPT = """\
## The recorded receipt

What a model once answered of a photographed receipt, with two wrong amounts and a right sum.
"""


def report(documents: Sequence[Measured], receipt: Receipt | None) -> str:
    """Return the whole report."""
    parts = [_INTRODUCTION, *_targets(documents), _READING, *_readings(documents)]
    parts += [_WRONG, *_wrong_answers(documents), _RIGHT, *_false_alarms(documents)]
    if receipt is not None:
        parts += [_RECEIPT, *_recorded(receipt)]
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _targets(documents: Sequence[Measured]) -> Iterator[str]:
    rows: list[Sequence[object]] = []
    for kind, title in _KINDS.items():
        least, most = (95, 10) if kind == "scan" else (99, 3)
        of_kind = [document for document in documents if document.kind == kind]
        tried = _all_tried(of_kind)
        trusted = [document for document in of_kind if not document.contradicts_itself]
        right = sum(len(document.key_values) for document in trusted)
        named = sum(len(document.named) for document in trusted)
        rows.append(
            [
                title,
                len(of_kind),
                f"{_share(_wrong(tried))} (≥ {least} %)",
                _share(_of(tried, NULL)),
                f"{_share(_of(tried, OTHER))} (100 %)",
                f"{_percent(named, right)} of {right} (≤ {most} %)",
            ]
        )
    flagged = ("wrong key values flagged", "left out flagged", "another invoice flagged")
    yield _table(["", "documents", *flagged, "right key values named"], rows)
    yield "In brackets what is aimed at. Left out: null although the document prints a value."


def _readings(documents: Sequence[Measured]) -> Iterator[str]:
    for group, title in _GROUPS.items():
        of_group = [document for document in documents if document.group == group]
        if of_group:
            yield f"### {title}"
            yield _by_source(of_group)
            yield _of_documents(of_group)
    yield "### All of them, by field"
    yield _by_field([field for document in documents for field in document.fields])


def _by_source(documents: Sequence[Measured]) -> str:
    fields = [field for document in documents for field in document.fields]
    rows: list[Sequence[object]] = []
    for source in (*_SOURCES, ""):
        of_source = [field for field in fields if field.source == source]
        rows.append([source or "(not read)", *_outcomes(of_source)])
    return _table(["source", *_OUTCOMES], [*rows, ["all", *_outcomes(fields)]])


_OUTCOMES = (
    "right",
    "of these flagged",
    "wrong",
    "of these flagged",
    "missing",
    "of these flagged",
)


def _outcomes(fields: Sequence[FieldRead]) -> Iterator[int]:
    for outcome in ("right", "wrong", "missing"):
        found = [field for field in fields if field.outcome == outcome]
        yield len(found)
        yield sum(field.flagged for field in found)


def _of_documents(documents: Sequence[Measured]) -> str:
    """Say how many documents were flagged, and which one with a wrong value was not."""
    flagged = sum(document.needs_review for document in documents)
    unflagged = [
        f"- {_place(document)}: {field.path} is {field.read}, not {field.true}"
        for document in documents
        if not document.needs_review
        for field in document.fields
        if field.outcome == "wrong"
    ]
    text = f"{flagged} of {len(documents)} documents need review. "
    return text + _list("Wrong values of the others", unflagged)


def _by_field(fields: Sequence[FieldRead]) -> str:
    names = dict.fromkeys(field.name for field in fields)
    rows = [[name, *_outcomes([f for f in fields if f.name == name])] for name in names]
    return _table(["field", *_OUTCOMES], rows)


def _wrong_answers(documents: Sequence[Measured]) -> Iterator[str]:
    for kind, title in _KINDS.items():
        tried = _all_tried(document for document in documents if document.kind == kind)
        if not tried:
            continue
        yield f"### {title}"
        wrong, left_out = _wrong(tried), _of(tried, NULL)
        named = _percent(sum(one.named for one in wrong), len(wrong))
        whole = ", ".join(f"{name} {_share(_of(tried, name))}" for name in OF_ALL)
        yield (
            f"Flagged: wrong key values {_share(wrong)} (named {named}), left out "
            f"{_share(left_out)}, {whole}."
        )
        yield _matrix(tried)
        yield _list("Missed", _missed([d for d in documents if d.kind == kind]))


def _matrix(tried: Sequence[Tried]) -> str:
    """Return a row for each field and a column for each kind of corruption."""
    fields = dict.fromkeys(one.field for one in tried if one.kind in OF_VALUES)
    rows = [
        [field, *(_cell(_of_field(tried, kind, field)) for kind in OF_VALUES)] for field in fields
    ]
    parts = [[kind, _cell(_of(tried, kind))] for kind in (*OF_PARTS, OTHER, NOTHING)]
    values = _table(["field", *OF_VALUES], rows)
    return f"{values}\n\n{_table(['more than one value', 'flagged'], parts)}"


def _false_alarms(documents: Sequence[Measured]) -> Iterator[str]:
    for kind, title in _KINDS.items():
        of_kind = [document for document in documents if document.kind == kind]
        trusted = [document for document in of_kind if not document.contradicts_itself]
        if not trusted:
            continue
        values = sum(len(document.key_values) for document in trusted)
        named = sum(len(document.named) for document in trusted)
        flagged = sum(bool(document.reasons) for document in trusted)
        yield f"### {title}"
        yield (
            f"Named {named} of {values} right key values, {_percent(named, values)}; flagged "
            f"{flagged} of {len(trusted)} documents, {_percent(flagged, len(trusted))}."
        )
        yield _list("Reasons", [_reason(d, reason) for d in trusted for reason in d.reasons])
        justly = [_reason(d, r) for d in of_kind if d.contradicts_itself for r in d.reasons]
        if justly:
            yield _list("Not counted, since page and e-invoice do differ", justly)


def _recorded(receipt: Receipt) -> Iterator[str]:
    reasons = _by_path(receipt.reasons_of_recorded)
    rows = [
        [path, said, true, " ".join(reasons.get(path, ["not named"]))]
        for path, (said, true) in receipt.wrong.items()
    ]
    yield _table(["value", "answered", "printed", "reason for review"], rows)
    alarms = [
        f"- {reason['path'] or 'the document'}: {reason['text']}"
        for reason in receipt.reasons_of_label
    ]
    yield f"What is printed, answered right, has {len(receipt.key_values)} key values. " + _list(
        "Reasons", alarms
    )


def _by_path(reasons: Iterable[Reason]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for reason in reasons:
        found.setdefault(reason["path"], []).append(reason["text"])
    return found


def _all_tried(documents: Iterable[Measured]) -> list[Tried]:
    return [one for document in documents for one in document.tried]


def _wrong(tried: Iterable[Tried]) -> list[Tried]:
    """Return those with another value or other lines: not another invoice, nothing left out."""
    return [one for one in tried if one.kind not in (*OF_ALL, NULL)]


def _of(tried: Iterable[Tried], kind: str) -> list[Tried]:
    return [one for one in tried if one.kind == kind]


def _of_field(tried: Iterable[Tried], kind: str, field: str) -> list[Tried]:
    return [one for one in _of(tried, kind) if one.field == field]


def _share(tried: Sequence[Tried]) -> str:
    flagged = sum(one.flagged for one in tried)
    return f"{_percent(flagged, len(tried))} of {len(tried)}"


def _percent(part: int, whole: int) -> str:
    """Return a share, "–" of nothing; 0 % and 100 % are so to the last one."""
    if not whole:
        return "–"
    if part in (0, whole):
        return f"{100 * part // whole} %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def _cell(tried: Sequence[Tried]) -> str:
    return f"{sum(one.flagged for one in tried)} / {len(tried)}" if tried else ""


def _place(document: Measured) -> str:
    alone = " without its e-invoice" if document.is_stripped else ""
    return f"`{document.name}`{alone}"


def _missed(documents: Sequence[Measured]) -> list[str]:
    """Return a line for each field and kind with what was not flagged of it."""
    found: dict[tuple[str, str], list[str]] = {}
    for document in documents:
        for one in document.tried:
            if not one.flagged:
                place = f"{_place(document)} {_change(one)}".rstrip()
                found.setdefault((one.field, one.kind), []).append(place)
    return [
        f"- {', '.join(filter(None, of))}: {'; '.join(places)}"
        for of, places in sorted(found.items())
    ]


def _change(one: Tried) -> str:
    if one.true is None:
        return ""
    return one.true if one.wrong is None else f"{one.true} → {one.wrong}"


def _reason(document: Measured, reason: Reason) -> str:
    about = reason["path"] or "the document"
    return f"- {_place(document)}: {about} ({reason['code']}): {reason['text']}"


def _list(title: str, entries: Sequence[str]) -> str:
    if not entries:
        return f"{title}: none."
    return f"{title}:\n\n" + "\n".join(entry.replace("\n", " ") for entry in entries)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
