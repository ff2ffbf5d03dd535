"""No regular expression over a document's text or names takes more than linear time.

Doubling a hostile input then doubles the time. CPU times are compared within one run: those of the
same expression and input at one length and at four times that length.
"""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

import extraction

# By its name: typeshed leaves it out, and mypy knows it once another package imports it.
regex_parser: Any = importlib.import_module("re._parser")
LENGTH = 1_000
LONGER = 4
# Linear time gives 4 and quadratic time 16.
STEEPEST = 8
TRIES = 6
SHORTEST_SECONDS = 2e-5  # less cannot be compared


def patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    """Yield the patterns that a module's global holds, in containers and dataclasses, too."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from patterns_in(list(value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for member in value:
            yield from patterns_in(member)
    elif slots := getattr(type(value), "__dataclass_fields__", None):
        for name in slots:
            yield from patterns_in(getattr(value, name, None))


def all_patterns() -> dict[str, re.Pattern[Any]]:
    """Return every pattern of extraction by the name under which it is found first."""
    found: dict[re.Pattern[Any], str] = {}
    for info in pkgutil.walk_packages(extraction.__path__, "extraction."):
        if ".migrations." in info.name:
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            for number, pattern in enumerate(patterns_in(value)):
                found.setdefault(pattern, f"{info.name}.{name}-{number}")
    return {name: pattern for pattern, name in found.items()}


def words_of(pattern: re.Pattern[Any]) -> set[str]:
    """Return the literal words of a pattern."""
    words: set[str] = set()

    def walk(parsed: Any) -> None:
        word = ""
        for operation, argument in parsed:
            if str(operation) == "LITERAL":
                word += chr(argument)
                continue
            words.add(word)
            word = ""
            parts = argument if isinstance(argument, (tuple, list)) else [argument]
            for part in parts:
                if isinstance(part, regex_parser.SubPattern):
                    walk(part)
                elif isinstance(part, list):
                    for one in part:
                        if isinstance(one, regex_parser.SubPattern):
                            walk(one)
        words.add(word)

    source = pattern.pattern
    walk(regex_parser.parse(source, pattern.flags))
    return {word for word in words if word}


UNITS = [
    *(" ", "\t", "1", "a", "A", "-", "_", ".", ",", "(", ":", "#", "é", "€", "\n", "\xa0", "–"),
    *("1 ", "11 ", "111 ", "1.", "1,", "1.1", "111.", "111'", "111 11,", "1-", "1/", "- ", " -"),
    *("a ", "a  ", "a, ", "ab ", "A1", "A1 ", "a1", "a-", "a.", "a_", "a:", ": ", "x :  "),
    *("DE 1", "DE111 ", "invoice ", "total ", "tax", "tax ", "12. abc ", "abc 12 ", "1 Jan "),
]


def inputs_for(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Yield texts, each a prefix and a unit to repeat."""
    yield from UNITS
    for word in sorted(words_of(pattern), key=len)[-6:]:
        yield word
        yield word + " "


def seconds(pattern: re.Pattern[Any], text: Any) -> float:
    """Return the CPU time of finding everything in a text."""
    began = time.thread_time()
    for _ in pattern.finditer(text):
        pass
    return time.thread_time() - began


def steepness(pattern: re.Pattern[Any], prefix: str, unit: str, length: int) -> float:
    """Return how many times as long a longer text takes, by the best of several runs."""
    texts: list[Any] = []
    for size in (length, LONGER * length):
        text = prefix + (unit * size)[:size]
        texts.append(text.encode() if isinstance(pattern.pattern, bytes) else text)
    short, long = (seconds(pattern, text) for text in texts)
    return long / max(short, SHORTEST_SECONDS)


def is_steep(pattern: re.Pattern[Any], prefix: str, unit: str) -> bool:
    """Whether a text takes more than linear time each time that it is tried."""
    return all(steepness(pattern, prefix, unit, LENGTH) > STEEPEST for _ in range(TRIES))


PATTERNS = all_patterns()


@pytest.mark.no_cover  # patterns alone are run
@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_takes_linear_time(name: str) -> None:
    pattern = PATTERNS[name]
    steep = [
        (prefix, unit)
        for unit in inputs_for(pattern)
        for prefix in ("", *sorted(words_of(pattern), key=len)[-1:])
        if is_steep(pattern, prefix, unit)
    ]

    assert steep == []


def test_patterns_are_found_in_every_module_and_container() -> None:
    assert len(PATTERNS) > 80


def test_quadratic_time_is_recognised() -> None:
    assert is_steep(re.compile(r"\s+x"), "", " ")
    assert is_steep(re.compile(rb"a*b"), "", "a")
    assert not is_steep(re.compile(r"\s{1,40}x"), "", " ")
