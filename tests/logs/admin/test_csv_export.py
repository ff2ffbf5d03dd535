"""The export of log records as CSV."""

import csv

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from tests.logs.admin.test_log_records import EXPORT, EXTRACTION, make_log

pytestmark = [pytest.mark.usefixtures("static_files"), pytest.mark.vendor]


def exported(client: Client, **filters: str) -> list[list[str]]:
    """The lines of the export, as a spreadsheet reads them."""
    response = client.get(EXPORT, filters)
    assert isinstance(response, StreamingHttpResponse)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="log-')
    return list(csv.reader(b"".join(response).decode().splitlines(keepends=True)))


def test_export_holds_what_is_filtered_with_every_column(admin_client: Client) -> None:
    make_log("info")
    log = make_log(
        'said "no",\nthen é',
        level="ERROR",
        exception="Traceback",
        extraction_id=EXTRACTION,
        line_number=7,
    )

    headings, row = exported(admin_client, level="ERROR")

    told = dict(zip(headings, row, strict=True))
    assert told["timestamp"] == str(log.timestamp)
    assert (told["level"], told["message"], told["exception"]) == (
        "ERROR",
        log.message,
        "Traceback",
    )
    assert (told["extraction_id"], told["line_number"]) == (str(EXTRACTION), "7")
    assert (told["company_id"], told["host"]) == ("", "")
    assert len(exported(admin_client)) == 3


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@", "\t", "\r", "＝"])
def test_export_disarms_formulas(admin_client: Client, beginning: str) -> None:
    make_log(f"{beginning}cmd")

    [_, row] = exported(admin_client)

    assert f"'{beginning}cmd" in row
