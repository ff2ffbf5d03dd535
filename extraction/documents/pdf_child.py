"""PDF pages through PDFium, in a process of its own: it aborts its process on hostile input.

    python pdf_child.py count DOCUMENT
    python pdf_child.py render DOCUMENT FOLDER SIDE QUALITY

Writes one line: the number of pages, or the code of a refusal. Run by
``extraction.documents.rendering`` under limits; imports nothing of the project, so that nothing of
it is at the mercy of hostile input.
"""

import sys
from pathlib import Path

import pypdfium2
from pypdfium2 import raw


def main(arguments: list[str]) -> str:
    """Do what the command line says and return the line to write."""
    command, document, *rest = arguments
    try:
        pdf = pypdfium2.PdfDocument(document)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            return "password_protected"
        return "no_pages" if error.err_code == raw.FPDF_ERR_SUCCESS else "corrupt_file"
    with pdf:
        if command == "render":
            folder, side, quality = rest
            _render(pdf, Path(folder), int(side), int(quality))
        return str(len(pdf))


def _render(pdf: pypdfium2.PdfDocument, folder: Path, side: int, quality: int) -> None:
    pdf.init_forms()  # or the values typed into a form are not drawn
    for number in range(len(pdf)):
        page = pdf[number]
        bitmap = page.render(scale=side / max(page.get_size()), may_draw_forms=True)
        picture = bitmap.to_pil()
        picture.thumbnail((side, side))  # PDFium rounds a side up
        picture.save(folder / f"{number + 1:03}.jpg", quality=quality)
        page.close()


if __name__ == "__main__":  # pragma: no cover  # runs in the child, unmeasured
    sys.stdout.write(main(sys.argv[1:]))
