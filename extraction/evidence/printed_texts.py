"""Codes and names as documents print them: with other blanks, cases, accents and line breaks."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from extraction.documents.words import Box, Word
from extraction.evidence.lines import Line, box_around

# How alike a name must be to what OCR reads, of 100: one letter of a long name may differ.
LIKE_OCR = 97.0
# What may stand before and after a code within its word; a hyphen or slash belongs to the code.
_BEFORE_CODE = frozenset(":#([{=\"'*|°,;<>~„“")
_AFTER_CODE = frozenset(":)]},;.*|\"'<>~“”")
# The share of the words of a description that the line must have in which it begins.
_PART_IN_LINE = 0.5
_HONORIFICS = ("御中", "様", "殿", "귀하", "귀중")
_ABBREVIATIONS = ("no.", "nr.", "num.", "n.", "nº", "n°", "№")
_MISREAD = str.maketrans("oilszbgq|", "011528990")
# Words at the end of a company's name that tell its form, and are left out or abbreviated.
_FORMS = frozenset({
    *("gmbh", "ag", "kg", "ug", "ohg", "gbr", "ev", "co", "und", "and", "inc", "llc", "ltd"),
    *("limited", "plc", "corp", "corporation", "bv", "nv", "sarl", "sas", "sa", "srl", "spa", "sl"),
    *("slu", "lda", "ab", "as", "oy", "aps", "pvt", "private", "pty", "company", "kft", "sro"),
})  # fmt: skip
# Forms that are written in two ways.
_SAME_FORMS = (
    frozenset({"ltd", "limited"}),
    frozenset({"co", "company"}),
    frozenset({"corp", "corporation"}),
    frozenset({"pvt", "private"}),
)
_AND = frozenset({"and", "und", "et", "og", "och", "en", "y"})
# Letters that Unicode does not take for others with a mark, as people do who lack them.
_UNMARKED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; ``from_ocr``: by what OCR reads there."""

    page: int
    from_ocr: bool
    box: Box


def folded(text: str) -> str:
    """Return the letters and digits of a text, without case, accents and forms of Unicode."""
    if text.isascii():
        return "".join(letter for letter in text.lower() if letter.isalnum())
    decomposed = unicodedata.normalize("NFKD", text.casefold()).translate(_UNMARKED)
    return "".join(letter for letter in decomposed if letter.isalnum())


def _spellings(name: str, words: list[str]) -> Iterator[list[str]]:
    """Yield the folded words of a name, and those of it with "&" for "and" or the other way."""
    yield words
    if "&" in name:
        parts = name.split()
        for other in _AND if "&" in parts else ():
            yield [word for part in parts if (word := other if part == "&" else folded(part))]
    elif not _AND.isdisjoint(words):
        yield [word for word in words if word not in _AND]


class TextIndex:
    """The texts of all lines, folded once; it finds codes and names in them."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = [_FoldedLine(line) for line in lines]

    def codes(self, code: str) -> Iterator[Place]:
        """Yield where a number or id stands as a whole, whatever separates its parts."""
        wanted = folded(code)
        if wanted:
            for line in self._lines:
                yield from line.codes(wanted)

    def names(self, name: str) -> Iterator[Place]:
        """Yield where a name stands: its words in order, also broken into lines."""
        words = [word for word in map(folded, name.split()) if word]
        if not words:
            return
        found = [
            place for spelling in _spellings(name, words) for place in self._in_order(spelling)
        ]
        core = words
        while not found and len(core) > 1 and core[-1] in _FORMS:
            core, form = core[:-1], core[-1]
            others = _FORMS - next((forms for forms in _SAME_FORMS if form in forms), {form})
            if any(next(self._in_order([*core, other]), None) for other in others):
                return  # the document names another form
            found = list(self._in_order(core))
        yield from found or self._alike("".join(words))

    def words_of(self, text: str) -> tuple[float, Place | None]:
        """Return the share of a text's words that stand in the document, and where most do.

        For descriptions and addresses, whose words stand near each other and not always in order.
        """
        wanted = {word for word in map(folded, text.split()) if word}
        if not wanted:
            return 0.0, None
        present = wanted & {word for line in self._lines for word in line.folded}
        best = max(
            self._lines, key=lambda line: len(wanted.intersection(line.folded)), default=None
        )
        common = wanted.intersection(best.folded) if best else set()
        if best is None or not common:
            return 0.0, None
        words = zip(best.line.words, best.folded, strict=True)
        box = box_around(word for word, text in words if text in common)
        return len(present) / len(wanted), best.place(box)

    def row_of(self, text: str) -> Place | None:
        """Return the only line that has most words of a text, and a good part of them."""
        wanted = {word for word in map(folded, text.split()) if word}
        common = [len(wanted.intersection(line.folded)) for line in self._lines]
        most = max(common, default=0)
        if common.count(most) != 1 or most < _PART_IN_LINE * len(wanted):
            return None
        line = self._lines[common.index(most)]
        shown = zip(line.line.words, line.folded, strict=True)
        return line.place(box_around(word for word, part in shown if part in wanted))

    def _in_order(self, words: list[str]) -> Iterator[Place]:
        joined = "".join(words)
        for index, line in enumerate(self._lines):
            places = list(line.names(joined))
            yield from places
            if not places and (place := self._broken(index, joined)):
                yield place

    def _broken(self, index: int, joined: str) -> Place | None:
        """Find a name that begins in a line and ends in the next ones of the same column."""
        line = self._lines[index]
        for start, first in enumerate(line.folded):
            if not joined.startswith(first):  # as most words do not, the rest is not looked at
                continue
            text = "".join(line.folded[start:])
            if not text or len(text) >= len(joined) or not joined.startswith(text):
                continue
            words = list(line.line.words[start:])
            for below in self._lines[index + 1 : index + 3]:
                if below.line.page != line.line.page:
                    break
                left = words[0].box[0]
                column = [
                    (word, part)
                    for word, part in zip(below.line.words, below.folded, strict=True)
                    if word.box[0] >= left - 0.02
                ]
                for word, part in column:
                    if not joined.startswith(text + part):
                        break
                    text += part
                    words.append(word)
                if text == joined:
                    return line.place(box_around(words))
        return None

    def _alike(self, joined: str) -> Iterator[Place]:
        """Yield what OCR may have read of a name, and addresses on the web that hold it."""
        for line in self._lines:
            if line.line.from_ocr and len(line.text) >= len(joined):
                found = fuzz.partial_ratio_alignment(joined, line.text, score_cutoff=LIKE_OCR)
                if found is not None and line.is_whole(found.dest_start, found.dest_end):
                    yield line.place(line.box(found.dest_start, found.dest_end))
            for word, text in zip(line.line.words, line.folded, strict=True):
                if _is_address(word) and len(joined) > 4 and joined in text:
                    yield line.place(word.box)


class _FoldedLine:
    """A line with the folded text of each word, and of all of them without blanks."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.folded = [folded(word.text) for word in line.words]
        self.text = "".join(self.folded)
        self._misread = self.text.translate(_MISREAD) if line.from_ocr else ""
        self._owners = [index for index, text in enumerate(self.folded) for _ in text]

    def codes(self, wanted: str) -> Iterator[Place]:
        text = self.text
        if self.line.from_ocr:
            text, wanted = self._misread, wanted.translate(_MISREAD)
        for start in _occurrences(text, wanted):
            end = start + len(wanted)
            if self._begins(start) and self._ends(end):
                yield self.place(self.box(start, end))

    def names(self, wanted: str) -> Iterator[Place]:
        text = self.text
        if self.line.from_ocr:
            text, wanted = self._misread, wanted.translate(_MISREAD)
        for start in _occurrences(text, wanted):
            end = start + len(wanted)
            if self.is_whole(start, end):
                yield self.place(self.box(start, end))

    def is_whole(self, start: int, end: int) -> bool:
        """Whether letters of the folded text begin and end with a word, or a part with a hyphen.

        An East Asian honorific after a name is no part of it.
        """
        after = self._after(end)
        ends = not after[:1].isalnum() or after.startswith(_HONORIFICS)
        return ends and not self._before(start)[-1:].isalnum()

    def place(self, box: Box) -> Place:
        return Place(self.line.page, self.line.from_ocr, box)

    def box(self, start: int, end: int) -> Box:
        first, last = self._owners[start], self._owners[end - 1]
        return box_around(self.line.words[first : last + 1])

    def _begins(self, start: int) -> bool:
        """Whether a code can begin at a letter: with its word, or after a colon or "No."."""
        before = self._before(start).lower()
        return not before or before[-1] in _BEFORE_CODE or before.endswith(_ABBREVIATIONS)

    def _ends(self, end: int) -> bool:
        """Whether a code can end before a letter."""
        after = self._after(end)
        return not after or after[0] in _AFTER_CODE

    def _before(self, start: int) -> str:
        """Return what stands in a word before a letter of the folded text."""
        return self.line.words[self._owners[start]].text[: self._offset(start)]

    def _after(self, end: int) -> str:
        """Return what stands in a word after the letter before ``end``."""
        return self.line.words[self._owners[end - 1]].text[self._offset(end - 1) + 1 :]

    def _offset(self, at: int) -> int:
        """Return where the letter of the folded text stands in its word."""
        owner = self._owners[at]
        first = at
        while first > 0 and self._owners[first - 1] == owner:
            first -= 1
        wanted = at - first
        for offset, letter in enumerate(self.line.words[owner].text):
            wanted -= len(folded(letter))
            if wanted < 0:
                return offset
        return 0


def _occurrences(text: str, wanted: str) -> Iterator[int]:
    start = text.find(wanted)
    while start >= 0:
        yield start
        start = text.find(wanted, start + 1)


def _is_address(word: Word) -> bool:
    """Whether a word is an address on the web or of mail."""
    return "@" in word.text or "www." in word.text.lower()
