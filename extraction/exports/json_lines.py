"""JSON Lines: one canonical invoice per line, with what is known of its document."""

import json
from collections.abc import Iterable, Iterator

from extraction.exports.values import Exported
from ocrsite.lib.downloads import in_chunks


def json_lines(exported: Iterable[Exported]) -> Iterator[bytes]:
    """Yield the file in UTF-8, each line an object that ends in LF (jsonlines.org).

    Beside the invoice's own fields: id, file_name, company_id, branch, received (UTC) and state.
    """
    return in_chunks(_line(each) for each in exported)


def _line(exported: Exported) -> bytes:
    extraction = exported.extraction
    told = {
        "id": str(extraction.pk),
        "file_name": extraction.file_name,
        "company_id": extraction.company_id,
        "branch": extraction.branch,
        "received": extraction.created_at.isoformat(),
        "state": extraction.state,
        **exported.invoice.model_dump(mode="json"),
    }
    return f"{json.dumps(told, ensure_ascii=False)}\n".encode("utf-8", "replace")
