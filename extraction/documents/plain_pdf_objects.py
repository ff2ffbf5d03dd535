"""The objects of a PDF that is in order to the letter (ISO 32000-2, 7.3 and 7.5).

Everything else is Doubtful, also much that the standard allows and readers see in ways of their
own: nested parentheses, very long texts, keys with "#", cross-references of both kinds at one time.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import Any, NamedTuple, TypeAlias

Buffer: TypeAlias = bytes | mmap

MOST_NESTED = 30
MOST_SECTIONS = 50
MOST_ENTRIES = 200_000
# Of a stream of cross-references, whose rows are undone one by one.
MOST_ROWS = 20_000
MOST_INFLATED = 20_000_000
# startxref is looked for in so many bytes at the end, as poppler does.
_TAIL = 1024

_BLANK = rb"[\0\t\n\f\r ]"
_ENDS = rb"(?=[\0\t\n\f\r ()<>\[\]{}/%]|\Z)"
# Blanks and comments. Every repetition is bounded, so that no text takes more than linear time.
_SKIPPED = rb"(?:[\0\t\n\f\r ]|%[^\r\n]{0,200}+[\r\n]){0,200}+"
_TOKEN = re.compile(
    rb"%(s)b(?:"
    rb"(?P<reference>(\d{1,9})%(b)b(\d{1,5})%(b)bR%(e)b)"
    rb"|(?P<integer>[+-]?\d{1,15}%(e)b)"
    rb"|(?P<real>[+-]?(?:\d{1,15}\.\d{0,20}|\.\d{1,20})%(e)b)"
    rb"|(?P<name>/[^\0\t\n\f\r ()<>\[\]{}/%%]*+)"
    rb"|(?P<text>\((?:[^()\\]|\\.){0,250}+\)|<[0-9A-Fa-f\0\t\n\f\r ]*+>)"
    rb"|(?P<mark><<|>>|\[|\])"
    rb"|(?P<word>(?:true|false|null)%(e)b)"
    rb")" % {b"b": _BLANK, b"e": _ENDS, b"s": _SKIPPED},
    re.DOTALL,
)
_OBJECT = re.compile(rb"(\d{1,9})%(b)b(\d{1,5})%(b)bobj%(e)b" % {b"b": _BLANK, b"e": _ENDS})
_AFTER_OBJECT = re.compile(rb"%b{0,100}+(?:(endobj)|stream\r?\n)" % _BLANK)
_AFTER_STREAM = re.compile(rb"(?:\r\n|\n|\r)?endstream%b" % _ENDS)
_START = re.compile(rb"startxref%(b)b{1,4}(\d{1,10})%(b)b{1,4}%%%%EOF%(b)b*+\Z" % {b"b": _BLANK})
_TABLE = re.compile(rb"xref *(?:\r\n|\n|\r)")
_SECTION = re.compile(rb"(\d{1,9}) (\d{1,9}) *(?:\r\n|\n|\r)")
_ENTRIES = re.compile(rb"(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))*+")
_ENTRY_BYTES = 20
_TRAILER = re.compile(rb"trailer%b*+(?=<<)" % _BLANK)
_BEFORE_FIRST = re.compile(_SKIPPED)
_PAIRS = re.compile(rb"%(b)b{0,100}+(\d{1,9})%(b)b{1,100}+(\d{1,9})" % {b"b": _BLANK})
_TEXT = object()


class Doubtful(Exception):
    """A document that may be in order, and that others have to judge."""


class Reference(NamedTuple):
    """Where an object is referred to."""

    number: int
    generation: int


class _Entry(NamedTuple):
    """Where an object is: at an offset of the file, or at a place in the stream of objects."""

    offset: int
    generation: int
    stream: int | None = None


class _Rows(NamedTuple):
    """The entries of objects of consecutive numbers, as bytes of so many each."""

    first: int
    data: bytes
    widths: tuple[int, int, int] | None
    """Of the fields of a stream; None for a table."""


class Objects:
    """The objects of a file, by their numbers."""

    def __init__(self, data: Buffer) -> None:
        """Read the cross-references. Raises Doubtful."""
        self._data = data
        self._rows: list[_Rows] = []
        self._packed: dict[int, tuple[bytes, dict[int, int]]] = {}
        self.size = 0
        self.root: Any = None
        if data[:5] != b"%PDF-":
            raise Doubtful
        tail = data[-_TAIL:]
        start = _START.match(tail, max(tail.rfind(b"startxref"), 0))
        if start is None:
            raise Doubtful
        self._read_sections(int(start[1]))

    def resolved(self, value: Any) -> Any:
        """Return what a value is or refers to. Raises Doubtful."""
        return self.at(value)[0] if isinstance(value, Reference) else value

    def dictionary(self, value: Any) -> dict[bytes, Any]:
        """Return the dictionary that a value is or refers to. Raises Doubtful."""
        found = self.resolved(value)
        if not isinstance(found, dict):
            raise Doubtful
        return found

    def at(self, reference: Reference) -> tuple[Any, int | None]:
        """Return an object, and where its stream begins if it has one. Raises Doubtful."""
        entry = self._entry(reference.number)
        if entry.stream is not None:
            if reference.generation:
                raise Doubtful
            return self._packed_object(reference.number, entry.stream), None
        if entry.generation != reference.generation:
            raise Doubtful
        return self._object(entry.offset, reference)

    def first_dictionary(self) -> Mapping[bytes, Any]:
        """Return the first object of the file; empty if that is no dictionary. Raises Doubtful."""
        header = _OBJECT.match(self._data, _end(_BEFORE_FIRST.match(self._data)))
        if header is None:
            return {}
        value, _ = parse(self._data, header.end())
        return value if isinstance(value, dict) else {}

    def _object(self, offset: int, reference: Reference | None = None) -> tuple[Any, int | None]:
        header = _OBJECT.match(self._data, offset)
        if header is None:
            raise Doubtful
        if reference not in (None, (int(header[1]), int(header[2]))):
            raise Doubtful
        value, position = parse(self._data, header.end())
        after = _AFTER_OBJECT.match(self._data, position)
        if after is None:
            raise Doubtful
        return value, None if after[1] else after.end()

    def _read_sections(self, position: int) -> None:
        """Read all sections of cross-references, the newest first."""
        seen: set[int] = set()
        while True:
            if position in seen or len(seen) > MOST_SECTIONS:
                raise Doubtful
            seen.add(position)
            table = _TABLE.match(self._data, position)
            trailer = self._read_table(table.end()) if table else self._read_stream(position)
            if b"/Encrypt" in trailer or b"/XRefStm" in trailer:
                raise Doubtful
            if len(seen) == 1:
                self.root, self.size = trailer.get(b"/Root"), _whole(trailer.get(b"/Size"))
            if b"/Prev" not in trailer:
                return
            position = _whole(trailer[b"/Prev"])

    def _read_table(self, position: int) -> dict[bytes, Any]:
        while section := _SECTION.match(self._data, position):
            first, number = int(section[1]), int(section[2])
            if number > MOST_ENTRIES:
                raise Doubtful
            position = section.end() + number * _ENTRY_BYTES
            if _end(_ENTRIES.match(self._data, section.end(), position)) != position:
                raise Doubtful
            self._rows.append(_Rows(first, self._data[section.end() : position], None))
        trailer = _TRAILER.match(self._data, position)
        if trailer is None:
            raise Doubtful
        value, _ = parse(self._data, trailer.end())
        return self.dictionary(value)

    def _read_stream(self, position: int) -> dict[bytes, Any]:
        value, start = self._object(position)
        dictionary = self.dictionary(value)
        if dictionary.get(b"/Type") != b"/XRef" or start is None:
            raise Doubtful
        widths = dictionary.get(b"/W")
        if not isinstance(widths, list) or len(widths) != len(_Rows._fields):
            raise Doubtful
        kind, second, third = (_whole(width) for width in widths)
        if kind > 1 or not 1 <= second <= 4 or third > 2:
            raise Doubtful
        width = kind + second + third
        rows = self._inflated(dictionary, start, columns=width)
        size = _whole(dictionary.get(b"/Size"))
        for first, number in _ranges(dictionary.get(b"/Index", [0, size])):
            part, rows = rows[: number * width], rows[number * width :]
            if len(part) != number * width:
                raise Doubtful
            self._rows.append(_Rows(first, part, (kind, second, third)))
        if rows:
            raise Doubtful
        return dictionary

    def _entry(self, number: int) -> _Entry:
        if not 0 < number < self.size:
            raise Doubtful
        for rows in self._rows:
            width = _ENTRY_BYTES if rows.widths is None else sum(rows.widths)
            start = (number - rows.first) * width
            if 0 <= start < len(rows.data):
                row = rows.data[start : start + width]
                return _of_table(row) if rows.widths is None else _of_stream(row, rows.widths)
        raise Doubtful

    def _packed_object(self, number: int, stream: int) -> Any:
        if stream not in self._packed:
            self._packed[stream] = self._unpacked(stream)
        objects, offsets = self._packed[stream]
        if number not in offsets:
            raise Doubtful
        return parse(objects, offsets[number])[0]

    def _unpacked(self, number: int) -> tuple[bytes, dict[int, int]]:
        """Return a stream of objects, and where each of them begins in it."""
        entry = self._entry(number)
        if entry.stream is not None:
            raise Doubtful
        value, start = self._object(entry.offset, Reference(number, entry.generation))
        dictionary = self.dictionary(value)
        if dictionary.get(b"/Type") != b"/ObjStm" or start is None:
            raise Doubtful
        objects = self._inflated(dictionary, start)
        first, offsets, position = _whole(dictionary.get(b"/First")), {}, 0
        for _ in range(min(_whole(dictionary.get(b"/N")), MOST_ENTRIES)):
            pair = _PAIRS.match(objects, position, first)
            if pair is None or int(pair[1]) in offsets:
                raise Doubtful
            offsets[int(pair[1])] = first + int(pair[2])
            position = pair.end()
        return objects, offsets

    def _inflated(self, dictionary: Mapping[bytes, Any], start: int, *, columns: int = 0) -> bytes:
        """Return the content of a stream, whose predictor works on rows of so many columns."""
        length = _whole(self.resolved(dictionary.get(b"/Length")))
        if _AFTER_STREAM.match(self._data, start + length) is None:
            raise Doubtful
        content = self._data[start : start + length]
        if dictionary.get(b"/Filter") == b"/FlateDecode":
            content = _inflated(content)
        elif b"/Filter" in dictionary:
            raise Doubtful
        parameters = dictionary.get(b"/DecodeParms")
        if parameters is None:
            return content
        if parameters != {b"/Predictor": 12, b"/Columns": columns}:
            raise Doubtful
        return b"".join(_unpredicted(content, columns))


def parse(data: Buffer, position: int, depth: int = 0) -> tuple[Any, int]:
    """Return the value at a position, and the position after it. Raises Doubtful.

    Dictionaries and lists are Python's, names are bytes with their slash; of texts nothing is kept.
    """
    token = _TOKEN.match(data, position)
    if token is None or depth > MOST_NESTED:
        raise Doubtful
    position = token.end()
    match token.lastgroup:
        case "reference":
            return Reference(int(token[2]), int(token[3])), position
        case "integer":
            return int(token["integer"]), position
        case "real":
            return float(token["real"]), position
        case "name":
            return token["name"], position
        case "text":
            return _TEXT, position
        case "word":
            return {b"true": True, b"false": False, b"null": None}[token["word"]], position
    match token["mark"]:
        case b"<<":
            return _dictionary(data, position, depth)
        case b"[":
            return _array(data, position, depth)
    raise Doubtful


def _array(data: Buffer, position: int, depth: int) -> tuple[list[Any], int]:
    values = []
    while (end := _mark(data, position, b"]")) is None:
        value, position = parse(data, position, depth + 1)
        values.append(value)
    return values, end


def _dictionary(data: Buffer, position: int, depth: int) -> tuple[dict[bytes, Any], int]:
    values: dict[bytes, Any] = {}
    while (end := _mark(data, position, b">>")) is None:
        key, position = parse(data, position, depth + 1)
        # A name can be written in several ways, with "#".
        if not isinstance(key, bytes) or b"#" in key or key in values:
            raise Doubtful
        values[key], position = parse(data, position, depth + 1)
    return values, end


def _mark(data: Buffer, position: int, mark: bytes) -> int | None:
    """Where a mark that is the next token ends; None where another one is."""
    token = _TOKEN.match(data, position)
    return token.end() if token and token["mark"] == mark else None


def _of_table(row: bytes) -> _Entry:
    if row[17:18] != b"n":
        raise Doubtful
    return _Entry(int(row[:10]), int(row[11:16]))


def _of_stream(row: bytes, widths: tuple[int, int, int]) -> _Entry:
    kind, second, _ = widths
    of_kind = row[0] if kind else 1
    offset = int.from_bytes(row[kind : kind + second], "big")
    last = int.from_bytes(row[kind + second :], "big")
    if of_kind == 1:
        return _Entry(offset, last)
    if of_kind == 2:  # compressed: ISO 32000-2, table 18
        return _Entry(0, 0, stream=offset)
    raise Doubtful


def _ranges(index: Any) -> Iterator[tuple[int, int]]:
    if not isinstance(index, list) or len(index) % 2:
        raise Doubtful
    numbers = [_whole(number) for number in index]
    yield from zip(numbers[::2], numbers[1::2], strict=True)


def _inflated(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(content, MOST_INFLATED)
    except zlib.error:
        raise Doubtful from None
    if not inflater.eof or inflater.unused_data.strip():
        raise Doubtful
    return inflated


def _unpredicted(content: bytes, columns: int) -> Iterator[bytes]:
    """Undo PNG's filter Up, by which each row holds the differences from the one above it."""
    above = bytes(columns)
    if len(content) > MOST_ROWS * (columns + 1) or len(content) % (columns + 1):
        raise Doubtful
    for start in range(0, len(content), columns + 1):
        if content[start] != 2:  # Up: RFC 2083, 6.1
            raise Doubtful
        row = content[start + 1 : start + 1 + columns]
        above = bytes((one + other) & 0xFF for one, other in zip(row, above, strict=True))
        yield above


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Doubtful
    return value


def _end(match: "re.Match[bytes] | None") -> int:
    return match.end() if match else -1
