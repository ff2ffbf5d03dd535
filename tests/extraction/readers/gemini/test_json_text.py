"""The object of an answer is found in whatever stands around it, in bounded time."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from extraction.readers.gemini.json_text import objects_in, quoted_otherwise_in

PLAIN = '{"document_type": "invoice", "total_amount": "9.50", "line_items": []}'
FOUND = {"document_type": "invoice", "total_amount": "9.50", "line_items": []}


def wanted(found: dict[str, Any]) -> bool:
    return "document_type" in found


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"\ufeff \n{PLAIN}\n",
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}```",
        f"Here is {{the}} invoice:\n\n{PLAIN}\n\nLet me know {{}} if …",
        f"[{PLAIN}]",
        f"[[{PLAIN}], null]",
        f'{{"invoice": {PLAIN}}}',
        f'{{"result": [{PLAIN}]}}',
        json.dumps(PLAIN),
        PLAIN.replace("[]}", "[ , ],\n }").replace("[ , ]", "[]"),
        PLAIN.replace('", "', '" ,\n\t"'),
        f"```json\n{PLAIN.replace('[]}', '[],}')}\n```",
        f'{{"status": "ok", "error": null, "data": {PLAIN}}}',
        json.dumps({"output": PLAIN}),
        PLAIN.replace(", ", ",\u00a0").replace("[]", "[\u2028]"),
        PLAIN.replace("{", "{ // the invoice's kind\n", 1),
        PLAIN.replace("{", "{ /* of what it is * */", 1),
        f'The "answer: {PLAIN.replace("[]}", "[],}")}',
    ],
)
def test_object_is_found_whatever_stands_around_it(text: str) -> None:
    assert objects_in(text, wanted) == [FOUND]


def test_line_breaks_and_tabs_inside_strings_are_kept() -> None:
    [found] = objects_in('{"document_type": "a\n\tb", "x": "1,}"}', wanted)

    assert found == {"document_type": "a\n\tb", "x": "1,}"}


def test_backslashes_that_escape_nothing_stand_for_themselves() -> None:
    [found] = objects_in(r'{"document_type": "R\&D \" \u00e9 \u12 \\", "x": "//, None /*"}', wanted)

    assert found == {"document_type": 'R\\&D " é \\u12 \\', "x": "//, None /*"}


def test_words_of_other_languages_for_null_are_null() -> None:
    text = '{"document_type": "invoice", "a": None, "b": undefined, "c": "None"}'

    assert objects_in(text, wanted) == [
        {"document_type": "invoice", "a": None, "b": None, "c": "None"}
    ]


def test_commas_inside_strings_stay_where_trailing_ones_go() -> None:
    text = r'{"document_type": ",]\",}", "list": [1, 2, ], }'

    assert objects_in(text, wanted) == [{"document_type": ',]",}', "list": [1, 2]}]


def test_numbers_are_decimal_and_none_is_too_long() -> None:
    text = f'{{"document_type": 10.10, "a": {"9" * 5000}, "b": 1e{"9" * 30}, "c": NaN}}'

    [found] = objects_in(text, wanted)

    assert found["document_type"] == Decimal("10.10")
    assert str(found["document_type"]) == "10.10"
    assert found["a"] == Decimal("9" * 5000)
    assert (found["b"], found["c"]) == (f"1e{'9' * 30}", "NaN")


def test_every_document_of_an_answer_is_found() -> None:
    assert objects_in(f"[{PLAIN}, {PLAIN}]", wanted) == [FOUND, FOUND]
    assert objects_in(f"{PLAIN}\n{PLAIN}", wanted) == [FOUND, FOUND]


@pytest.mark.parametrize(
    "text",
    ["", "null", "7", '"{"', "[]", "{}", "Here is your invoice.", '{"a": 1, "b": {}}', PLAIN[:-1]],
)
def test_text_without_the_object_has_none(text: str) -> None:
    assert objects_in(text, wanted) == []


@pytest.mark.parametrize(
    "unit",
    ["[", "{", '{"a":', '"', '\\"', ",", ", ", ",}", "{}", '{"a":1}', "```json\n",
     "{/*", "{//", "None ", '{"a":"{', "\\", '{"\\'],
)  # fmt: skip
def test_hostile_text_takes_linear_time(unit: str) -> None:
    began = time.process_time()

    objects_in(unit * 200_000, wanted)

    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{'document_type': 'invoice', 'name': 'Acme Ltd', 'paid': True}", "Acme Ltd"),
        ("```python\n{'name': None, 'document_type': 'invoice',}\n```", None),
        ("""[{'document_type': 'invoice', 'name': "O'Brien"}]""", "O'Brien"),
        (r"""{'document_type': 'invoice', 'name': 'O\'Brien "and" sons'}""", 'O\'Brien "and" sons'),
        ("{“document_type”: “invoice”, “name”: “Müller’s”}", "Müller’s"),
        ('{“document_type”: "invoice", “name”: "Acme, \'n\' Co"}', "Acme, 'n' Co"),
    ],
)
def test_strings_may_stand_in_single_and_curly_marks(text: str, name: str | None) -> None:
    assert objects_in(text, wanted) == []

    [found] = quoted_otherwise_in(text, wanted)

    assert (found["document_type"], found["name"]) == ("invoice", name)


@pytest.mark.parametrize(
    "text",
    [
        "{'document_type': 'invoice', 'name': 'O'Brien'}",
        "{'document_type': 'invoice', 'name': 'Dogs' Home'}",
        "{'document_type': 'invoice', 'name': 'Rock 'n' Roll'}",
        r"{'document_type': 'invoice', 'name': 'M\xfcller'}",
        "{'document_type': 'invoice', 'name': 'Acme",
        "{‘document_type’: ‘invoice’, ‘name’: ‘Müller’s’}",
        "{“document_type”: “invoice”, “name”: “the “Acme” shop”}",
        "no object at all, but 'document_type'",
    ],
)
def test_no_string_is_taken_whose_end_is_open(text: str) -> None:
    assert quoted_otherwise_in(text, wanted) == []
