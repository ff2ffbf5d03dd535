"""Log records as CSV."""

import csv
from collections.abc import Iterable, Iterator

from logs.models import ApplicationLog

_COLUMNS = (
    *("timestamp", "level", "logger", "message", "exception"),
    *("module", "function_name", "line_number"),
    *("request_id", "extraction_id", "company_id", "user", "process_id", "host", "fingerprint"),
)
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


class _Echo:
    """A file whose ``write`` returns the text."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


def lines(logs: Iterable[ApplicationLog]) -> Iterator[str]:
    """Yield the headings and a line for each record, with formulas disarmed by an apostrophe."""
    writer = csv.writer(_Echo())
    yield writer.writerow(_COLUMNS)
    for log in logs:
        yield writer.writerow([_cell(getattr(log, column)) for column in _COLUMNS])


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
