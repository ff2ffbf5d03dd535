"""Companies as CSV: a line changes what people begin with, or adds a company without a key."""

from typing import Any

from extraction.companies.forms import ReadyForm
from ocrsite.lib.csv_rows import CsvColumns

_SETTINGS = ("name", "time_zone", "branches", "default_reader", "default_model", "export_as")
COMPANY_COLUMNS = CsvColumns(
    identity={"company_id": "company_id"},
    fields={name: name for name in ("company_id", *_SETTINGS)},
)


class AddedForm(ReadyForm):
    """A new company, with its id and settings alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.without(*(set(self.fields) - set(COMPANY_COLUMNS.fields)))
