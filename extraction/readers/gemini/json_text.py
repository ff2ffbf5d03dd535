"""The JSON object in the text that a model answers, whatever stands around it. Pure.

Models wrap it in code fences, prose, arrays and envelopes, write line breaks and backslashes into
strings, commas before brackets, blanks that do not break, and comments. Some write strings as
Python does, in single quotation marks, or in the curly ones of typography. None of that changes
what the object says.
"""

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, DecimalException
from typing import Any

# Places in a text at which an object is looked for, so that braces in prose cost little.
_MOST_TRIES = 20
# Arrays and envelopes around the object.
_DEEPEST = 3
# Strings are matched as well, so that what they say is passed over; one without an end takes the
# rest, so that the time stays linear. So does a comment without one.
_REPAIRED = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*+"?)|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|(?<![:\w])//[^\n]*+'
    r"|(?P<nothing>\b(?:None|undefined)\b)|[^\S \t\r\n]",
    re.DOTALL,
)
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"?|,(?=\s*[}\]])', re.DOTALL)
# A backslash that is none of JSON's escapes stands for itself: "R\&D".
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}|(?P<other>))')
# Strings in each kind of quotation marks. A letter beside a single mark shows that it is an
# apostrophe, as in O'Brien: where the string ends is open then, and it is left as it is. So is one
# with an escape that JSON does not know, or without an end.
_QUOTED = re.compile(
    r"""(?P<plain>"(?:[^"\\]|\\.)*+"?)"""
    r"""|(?<!\w)'(?P<single>(?:[^'\\\n]|\\['"\\/bfnrtu])*+)(?P<end>'(?!\w))?"""
    r"""|“(?P<curly>[^“”"\\\n]*+)”|\b(?P<word>True|False)\b""",
    re.DOTALL,
)
_IN_SINGLE = re.compile(r'\\.|"')


def _number(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except DecimalException:  # an exponent beyond what decimal holds
        return digits


_DECODER = json.JSONDecoder(
    strict=False, parse_float=_number, parse_int=_number, parse_constant=str
)


def objects_in(text: str, is_wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Return the wanted objects of a text in order: it alone, in prose, in arrays or envelopes.

    Numbers are Decimal. Of prose only the first objects are looked at.
    """
    return _found_in(text, is_wanted) or _found_in(_repaired(text), is_wanted)


def quoted_otherwise_in(
    text: str, is_wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Return the wanted objects of a text whose strings stand in single or curly marks.

    As Python's ``repr`` writes them. None where an apostrophe leaves open where a string ends: what
    then stands outside of strings is no JSON.
    """
    begins = text.find("{")
    if begins < 0:
        return []
    return _found_in(_repaired(_QUOTED.sub(_in_double_marks, text[begins:])), is_wanted)


def _found_in(text: str, is_wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    return [wanted for value in _values_in(text) for wanted in _wanted_in(value, is_wanted)]


def _in_double_marks(found: re.Match[str]) -> str:
    if found["word"]:
        return found["word"].lower()
    if found["curly"] is not None:
        return f'"{found["curly"]}"'
    if found["end"]:
        return f'"{_IN_SINGLE.sub(_unescaped, found["single"])}"'
    return found[0]


def _unescaped(found: re.Match[str]) -> str:
    """Return a part of a string in single marks as it stands in double ones."""
    return {"\\'": "'", '"': '\\"'}.get(found[0], found[0])


def _repaired(text: str) -> str:
    """Return a text without comments, trailing commas and blanks that JSON does not know.

    With escapes of JSON alone.
    """
    # From the first brace on: a quotation mark in prose before it would turn inside and outside.
    plain = _REPAIRED.sub(_repaired_part, text[max(0, text.find("{")) :])
    return _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], plain)


def _repaired_part(found: re.Match[str]) -> str:
    if found["string"] is not None:
        return _ESCAPE.sub(
            lambda escape: r"\\" if escape["other"] is not None else escape[0], found["string"]
        )
    return "null" if found["nothing"] else " "


def _values_in(text: str) -> Iterator[Any]:
    """Yield the JSON value that the text is, or else the objects in it."""
    try:
        yield _DECODER.decode(text.strip("\ufeff \t\r\n"))
    except (ValueError, RecursionError):
        yield from _embedded_in(text)


def _embedded_in(text: str) -> Iterator[Any]:
    begins = text.find("{")
    for _ in range(_MOST_TRIES):
        if begins < 0:
            return
        ends = begins + 1
        try:
            value, ends = _DECODER.raw_decode(text, begins)
        except (ValueError, RecursionError):
            pass
        else:
            yield value
        begins = text.find("{", ends)


def _wanted_in(
    value: Any, is_wanted: Callable[[dict[str, Any]], bool], depth: int = 0
) -> Iterator[dict[str, Any]]:
    inner: list[Any] = []
    match value:
        case dict() if is_wanted(value):
            yield value
        case dict():  # beside it may stand "status" and the like
            inner = list(value.values())
        case list():
            inner = value
        case str() if depth < 2:  # an object that was written as a string
            inner = list(_values_in(value)) if "{" in value else []
    if depth < _DEEPEST:
        for one in inner:
            yield from _wanted_in(one, is_wanted, depth + 1)
