"""Reading a document's text by rules, in the sandbox: a hostile one can take any time."""

from extraction.documents import sandbox
from extraction.documents.sandbox import Limits
from extraction.documents.temp_dirs import temp_dir
from extraction.invoices.schema import InvoiceFields

# An invoice takes less than a second; the most text that is looked at, hostile, some seconds.
LIMITS = Limits(cpu=20, wall=30)


def fields_in(text: str) -> InvoiceFields:
    """Return what the rules read in a text. Raises what the sandbox does."""
    with temp_dir() as folder:
        file = folder / "text"
        file.write_text(text, "utf-8")
        answer = sandbox.run_child("extraction.readers.offline_child", str(file), limits=LIMITS)
    return InvoiceFields.model_validate(answer)
