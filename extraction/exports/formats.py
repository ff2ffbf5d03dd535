"""The formats of an export: what writes each, and as what it is sent.

A writer's module is loaded with its first use: a web process that exports nothing does without
openpyxl, lxml and babel.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from django.db import models
from django.utils.translation import gettext_lazy as _

from extraction.exports.layout import Layout, whole_invoices
from extraction.exports.values import Exported

Write: TypeAlias = Callable[[Iterable[Exported], Layout | None], Iterator[bytes]]

# A ZIP file ends with a list of what it holds, which is kept until then: about 1 KB for each.
MAX_DOCUMENTS = 10_000


class Format(models.TextChoices):
    """What can be exported; the values are parts of addresses."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel"
    JSON_LINES = "jsonl", "JSON Lines"
    DOCUMENTS = "zip", _("Documents (ZIP)")
    UBL = "ubl", _("E-invoices in UBL, of approved ones (ZIP)")


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format is written and sent. ``most`` bounds the number of invoices."""

    write: Write
    content_type: str
    extension: str
    most: int | None = None


def _csv(exported: Iterable[Exported], layout: Layout | None) -> Iterator[bytes]:
    from extraction.exports.csv_file import csv_file

    return csv_file(exported, layout or whole_invoices())


def _workbook(exported: Iterable[Exported], layout: Layout | None) -> Iterator[bytes]:
    from extraction.exports.workbook import workbook

    return workbook(exported, layout)


def _json_lines(exported: Iterable[Exported], _layout: Layout | None) -> Iterator[bytes]:
    from extraction.exports.json_lines import json_lines

    return json_lines(exported)


def _documents(exported: Iterable[Exported], _layout: Layout | None) -> Iterator[bytes]:
    from extraction.exports.archive import documents

    return documents(exported)


def _einvoices(exported: Iterable[Exported], _layout: Layout | None) -> Iterator[bytes]:
    from extraction.exports.archive import einvoices

    return einvoices(exported)


_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRITERS: Mapping[Format, Writer] = {
    Format.CSV: Writer(_csv, "text/csv; charset=utf-8", "csv"),
    Format.XLSX: Writer(_workbook, _EXCEL, "xlsx"),
    Format.JSON_LINES: Writer(_json_lines, "application/jsonl; charset=utf-8", "jsonl"),
    Format.DOCUMENTS: Writer(_documents, "application/zip", "zip", MAX_DOCUMENTS),
    Format.UBL: Writer(_einvoices, "application/zip", "zip", MAX_DOCUMENTS),
}
