"""Opens a PDF in a process of its own: a hostile one can hang or abort the process that does.

    python -I pdf_child.py count DOCUMENT
    python -I pdf_child.py render DOCUMENT FOLDER SIDE QUALITY
    python -I pdf_child.py attachments DOCUMENT
    python -I pdf_child.py portfolio DOCUMENT
    python -I pdf_child.py text DOCUMENT

``count`` and ``render`` write the number of pages, or the code of a rejection; ``attachments`` a
JSON list of the XML attachments in base64, e-invoices by name first; ``portfolio`` whether the PDF
is only the cover of other files, yes or no; ``text`` the text layer.
Run by ``extraction.documents.sandbox`` under limits. Imports nothing of the project, so that it
starts quickly and nothing of the project is at the mercy of hostile input.
"""

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2

E_INVOICE_NAMES = {"factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml"}
MAX_ATTACHMENTS = 20
MAX_XML_BYTES = 5_000_000  # the largest of 148 real e-invoices has 42 KB


class _Rejected(Exception):
    """A PDF that cannot be opened; the message is the code."""


def main(arguments: list[str]) -> str:
    """Do what the command line says and return what to write."""
    command, document, *rest = arguments
    try:
        match command:
            case "count":
                return str(count(document))
            case "render":
                folder, side, quality = rest
                return str(render(document, Path(folder), int(side), int(quality)))
            case "attachments":
                return json.dumps(attachments(document))
            case "portfolio":
                return "yes" if is_portfolio(document) else "no"
            case "text":
                return text(document)
    except _Rejected as rejected:
        return str(rejected)
    raise ValueError(f"unknown command: {command}")


def count(document: str) -> int:
    """Return the number of pages."""
    with _opened(document) as pdf:
        return len(pdf)


def render(document: str, folder: Path, side: int, quality: int) -> int:
    """Draw every page as a JPEG of at most ``side`` px; return their number."""
    with _opened(document) as pdf:
        pdf.init_forms()  # or the values typed into a form are not drawn
        for number in range(len(pdf)):
            page = pdf[number]
            bitmap = page.render(scale=side / max(page.get_size()), may_draw_forms=True)
            picture = bitmap.to_pil()
            picture.thumbnail((side, side))  # PDFium rounds a side up
            picture.save(folder / f"{number + 1:03}.jpg", quality=quality)
            page.close()
        return len(pdf)


def _opened(document: str) -> "pypdfium2.PdfDocument":
    import pypdfium2
    from pypdfium2 import raw

    try:
        return pypdfium2.PdfDocument(document)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise _Rejected("password_protected") from error
        code = "no_pages" if error.err_code == raw.FPDF_ERR_SUCCESS else "corrupt_file"
        raise _Rejected(code) from error


def attachments(document: str) -> list[str]:
    """Return the XML attachments in base64, likeliest e-invoice first."""
    from pypdf import PdfReader

    files = list(PdfReader(document).attachment_list)[:MAX_ATTACHMENTS]
    named = [file for file in files if (file.name or "").lower().endswith(".xml")]
    named.sort(key=lambda file: (file.name or "").lower() not in E_INVOICE_NAMES)
    contents = [file.content for file in named]
    return [base64.b64encode(xml).decode() for xml in contents if len(xml) <= MAX_XML_BYTES]


def is_portfolio(document: str) -> bool:
    """Whether a PDF is a collection of files (PDF 32000-1, 12.3.5)."""
    from pypdf import PdfReader

    return "/Collection" in PdfReader(document).root_object


def text(document: str) -> str:
    """Return the text layer, a form feed between two pages as pdftotext writes it."""
    import pypdfium2

    with pypdfium2.PdfDocument(document) as pdf:
        pages = (page.get_textpage().get_text_bounded() for page in pdf)
        return "\f".join(pages).replace("\r\n", "\n")


if __name__ == "__main__":  # pragma: no cover  # runs in the child, unmeasured
    sys.stdout.buffer.write(main(sys.argv[1:]).encode(errors="replace"))
