"""Opens a PDF in a process of its own: a hostile one can hang or abort the process that does.

    python -I pdf_child.py count DOCUMENT
    python -I pdf_child.py render DOCUMENT FOLDER SIDE QUALITY [PAGE]
    python -I pdf_child.py attachments DOCUMENT
    python -I pdf_child.py portfolio DOCUMENT
    python -I pdf_child.py text DOCUMENT
    python -I pdf_child.py unlock DOCUMENT TARGET

``count`` and ``render`` write the number of pages, or the code of a rejection; ``attachments`` a
JSON list of the XML attachments in base64, e-invoices by name first; ``portfolio`` whether the PDF
is only the cover of other files, yes or no; ``text`` the text layer. ``unlock`` reads a password
from stdin, saves the PDF without it as TARGET, and writes "unlocked" or the code of a rejection.
Run by ``extraction.documents.sandbox`` under limits. Imports nothing of the project, so that it
starts quickly and nothing of the project is at the mercy of hostile input.
"""

import base64
import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pypdfium2
    from pypdf import PdfReader

E_INVOICE_NAMES = ("factur-x", "zugferd-invoice", "xrechnung")
MAX_ATTACHMENTS = 20
MAX_REFERENCES = 10_000  # to attachments; more are hostile
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
                folder, side, quality, *page = rest
                only = int(page[0]) if page else None
                return str(render(document, Path(folder), int(side), int(quality), only))
            case "attachments":
                return json.dumps(attachments(document))
            case "portfolio":
                return "yes" if is_portfolio(document) else "no"
            case "text":
                return text(document)
            case "unlock":
                [target] = rest
                return unlock(document, target, sys.stdin.buffer.read().decode())
    except _Rejected as rejected:
        return str(rejected)
    raise ValueError(f"unknown command: {command}")


def count(document: str) -> int:
    """Return the number of pages."""
    with _opened(document) as pdf:
        return len(pdf)


def render(document: str, folder: Path, side: int, quality: int, only: int | None = None) -> int:
    """Draw every page, or only one, as a JPEG of at most ``side`` px; return how many there are."""
    with _opened(document) as pdf:
        pdf.init_forms()  # or the values typed into a form are not drawn
        for number in range(len(pdf)) if only is None else [only - 1]:
            page = pdf[number]
            bitmap = page.render(scale=side / max(page.get_size()), may_draw_forms=True)
            picture = bitmap.to_pil()
            picture.thumbnail((side, side))  # PDFium rounds a side up
            picture.save(folder / f"{number + 1:03}.jpg", quality=quality)
            page.close()
        return len(pdf)


def unlock(document: str, target: str, password: str) -> str:
    """Save the PDF without its encryption, which the user's or the owner's password opens."""
    from pypdfium2 import raw

    with _opened(document, password) as pdf:
        pdf.save(target, flags=raw.FPDF_REMOVE_SECURITY)
    return "unlocked"


def _opened(document: str, password: str | None = None) -> "pypdfium2.PdfDocument":
    import pypdfium2
    from pypdfium2 import raw

    try:
        return pypdfium2.PdfDocument(document, password)
    except pypdfium2.PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise _Rejected("password_protected") from error
        code = "no_pages" if error.err_code == raw.FPDF_ERR_SUCCESS else "corrupt_file"
        raise _Rejected(code) from error


def attachments(document: str) -> list[str]:
    """Return the XML attachments in base64, likeliest e-invoice first.

    They are looked for wherever a PDF can refer to a file, and known by what is in them.
    """
    from pypdf import PdfReader

    files = sorted(_files(PdfReader(document)), key=lambda file: _unlikely(file[0]))
    contents = dict.fromkeys(_contents(stream for _, stream in files[:MAX_ATTACHMENTS]))
    return [base64.b64encode(content).decode() for content in contents]


def _contents(streams: Iterable[Any]) -> Iterator[bytes]:
    for stream in streams:
        with contextlib.suppress(Exception):  # pypdf raises whatever a broken one provokes
            content: bytes = stream.get_data()
            if len(content) > MAX_XML_BYTES:
                continue
            # Byte order marks and blanks may come first, in UTF-16, too.
            if content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n").startswith(b"<"):
                yield content


def _unlikely(name: str) -> int:
    name = name.lower()
    if name.removesuffix(".xml") in E_INVOICE_NAMES:
        return 0
    return 1 if name.endswith(".xml") else 2


def _files(reader: "PdfReader") -> list[tuple[str, Any]]:
    """Return names and streams of the files that a PDF refers to, each once."""
    files: dict[int, tuple[str, Any]] = {}
    for reference in _references(reader):
        with contextlib.suppress(Exception):  # the others may be whole
            specification = reference.get_object()
            embedded = _value(specification, "/EF")
            # Others than these two are those of old systems: /DOS, /Mac, /Unix.
            streams = (_value(embedded, key) for key in ("/UF", "/F", *(embedded or ())))
            stream = next((found for found in streams if found is not None), None)
            name = _value(specification, "/UF") or _value(specification, "/F")
            if stream is not None:
                files.setdefault(id(stream), (str(name or ""), stream))
        if len(files) >= MAX_REFERENCES:
            break
    return list(files.values())


def _references(reader: "PdfReader") -> Iterator[Any]:
    """Yield the file specifications: of the name tree, the associated files, the annotations."""
    root = reader.root_object
    with contextlib.suppress(Exception):
        yield from _leaves(_value(_value(root, "/Names"), "/EmbeddedFiles"))
    with contextlib.suppress(Exception):
        yield from _associated(root)
    with contextlib.suppress(Exception):
        for page in reader.pages:
            yield from _associated(page)
            for annotation in _value(page, "/Annots") or ():
                # Of FileAttachment; a link to a file in another document has none embedded.
                file = _value(annotation.get_object(), "/FS")
                if file is not None:
                    yield file


def _associated(owner: Any) -> list[Any]:
    """Return the associated files of an object: an array or, as some write, one alone."""
    files = _value(owner, "/AF")
    if files is None:
        return []
    return list(files) if isinstance(files, list) else [files]


def _leaves(node: Any) -> Iterator[Any]:
    """Yield the values of a name tree, whose nodes have names or kids, or both."""
    nodes = [node]
    for _ in range(MAX_REFERENCES):
        if not nodes:
            return
        node = nodes.pop(0).get_object()
        yield from (_value(node, "/Names") or ())[1::2]
        nodes.extend(_value(node, "/Kids") or ())


def _value(dictionary: Any, key: str) -> Any:
    """Return a value of a dictionary that may be missing, as the object itself."""
    value = None if dictionary is None else dictionary.get(key)
    return None if value is None else value.get_object()


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
