"""Small documents for tests, drawn on the spot."""

import io

from django.core.files.uploadedfile import SimpleUploadedFile
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas


def pdf(*pages: str) -> bytes:
    """A PDF with one page per text; an empty text is a blank page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=1)
    for text in pages:
        for number, line in enumerate(text.splitlines()):
            canvas.drawString(72, 770 - 16 * number, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def upload(content: bytes, name: str = "invoice.pdf") -> SimpleUploadedFile:
    """The file as a form would bring it."""
    return SimpleUploadedFile(name, content)
