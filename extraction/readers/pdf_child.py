"""Looks inside a PDF for the parent process; run as a script, by its path, under limits.

``attachments FILE`` prints a JSON list of the XML attachments, as base64, e-invoices by name
first. ``text FILE`` prints the text layer. A hostile PDF can hang or abort this process; the
parent only sees that it gave no answer. It imports nothing of ours, so that it starts quickly.
"""

import base64
import json
import sys

E_INVOICE_NAMES = {"factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml"}
MAX_ATTACHMENTS = 20
MAX_XML_BYTES = 5_000_000  # the largest of 148 real e-invoices has 42 KB


def attachments(path: str) -> list[str]:
    """Return the XML attachments of a PDF, base64, likeliest first."""
    from pypdf import PdfReader

    files = list(PdfReader(path).attachment_list)[:MAX_ATTACHMENTS]
    named = [file for file in files if (file.name or "").lower().endswith(".xml")]
    named.sort(key=lambda file: (file.name or "").lower() not in E_INVOICE_NAMES)
    contents = [file.content for file in named]
    return [base64.b64encode(xml).decode() for xml in contents if len(xml) <= MAX_XML_BYTES]


def text(path: str) -> str:
    """Return the text layer of a PDF, pages parted by form feeds as pdftotext does."""
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        pages = (page.get_textpage().get_text_bounded() for page in document)
        return "\f".join(pages).replace("\r\n", "\n")


def main(command: str, path: str) -> None:
    """Print the answer to one command."""
    answer = json.dumps(attachments(path)) if command == "attachments" else text(path)
    sys.stdout.buffer.write(answer.encode(errors="replace"))


if __name__ == "__main__":
    main(*sys.argv[1:])
