"""Small documents for tests, good and bad, made on the spot."""

import io
import re
from typing import Any

import pillow_heif
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pypdf import PdfWriter
from reportlab.pdfgen.canvas import Canvas


def pdf(*texts: str, size: tuple[float, float] = (300, 200)) -> bytes:
    """Return a PDF with one page for each text; an empty text leaves its page blank."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size, invariant=1)
    for text in texts:
        canvas.setFont("Helvetica", 40)
        for number, line in enumerate(text.splitlines()):
            canvas.drawString(20, 100 - 45 * number, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def upload(content: bytes, name: str = "invoice.pdf") -> SimpleUploadedFile:
    """Return the file as a form would bring it."""
    return SimpleUploadedFile(name, content)


def locked_pdf(*, user: str, owner: str, algorithm: str = "AES-256", text: str = "secret") -> bytes:
    """Return an encrypted PDF; without a user password anybody can open it."""
    writer = PdfWriter(clone_from=io.BytesIO(pdf(text)))
    writer.encrypt(user_password=user, owner_password=owner, algorithm=algorithm)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def pdf_without_pages() -> bytes:
    """Return a well-formed PDF of no pages."""
    file = io.BytesIO()
    PdfWriter().write(file)
    return file.getvalue()


def halves(size: tuple[int, int] = (200, 100)) -> Image.Image:
    """Return a picture whose left half is black and whose right half is white."""
    image = Image.new("RGB", size, "white")
    image.paste("black", (0, 0, size[0] // 2, size[1]))
    return image


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    """Return an image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def heic(*images: Image.Image, **options: Any) -> bytes:
    """Return images as the bytes of one HEIC file, the first as its primary."""
    file = io.BytesIO()
    container = pillow_heif.from_pillow(images[0])
    for image in images[1:]:
        container.add_from_pillow(image)
    container.save(file, format="HEIF", **options)
    return file.getvalue()


def jpeg_of_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan is repeated until there are ``count``."""
    content = saved(halves((1200, 600)), "JPEG", progressive=True)
    *_, last = re.finditer(rb"\xff\xda", content)
    scan = content[last.start() : -2]
    scans = len(re.findall(rb"\xff\xda", content))
    return content[:-2] + scan * (count - scans) + content[-2:]
