"""The OpenAPI description for people: operations, and the shapes of what they take and give."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
_PLACES = {"path": "path", "query": "query", "header": "header"}


@dataclass(frozen=True, slots=True)
class Kind:
    """``words`` with the name of a shape behind them, "" where it is none."""

    words: str
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Type:
    """One of ``kinds``, or null."""

    kinds: tuple[Kind, ...]
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a shape; ``place`` is path, query, header or "" for a field."""

    name: str
    type: Type
    required: bool
    description: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered with a status; ``example`` is JSON, "" where there is none."""

    status: str
    description: str
    type: Type
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of an address."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    body: Type | None
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Shape:
    """A value of JSON: an object with ``fields``, or what ``type`` says where it has none."""

    name: str
    description: str
    fields: list[Field]
    type: Type


def operations(schema: dict[str, Any]) -> list[Operation]:
    """Return the operations, those of one address together."""
    return [
        _operation(method, path, methods[method])
        for path, methods in schema["paths"].items()
        for method in METHODS
        if method in methods
    ]


def shapes(schema: dict[str, Any]) -> list[Shape]:
    """Return the shapes by name."""
    return [
        Shape(
            name,
            shape.get("description", ""),
            [
                Field(
                    field,
                    type_of(of),
                    field in shape.get("required", ()),
                    of.get("description", ""),
                )
                for field, of in shape.get("properties", {}).items()
            ],
            type_of(shape),
        )
        for name, shape in schema["components"]["schemas"].items()
    ]


def _operation(method: str, path: str, said: dict[str, Any]) -> Operation:
    return Operation(
        id=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        description=said.get("description", ""),
        parameters=[
            Field(
                one["name"],
                type_of(one["schema"]),
                one.get("required", False),
                one.get("description", ""),
                _PLACES[one["in"]],
            )
            for one in said.get("parameters", [])
        ],
        body=_content(said["requestBody"]) if "requestBody" in said else None,
        answers=[
            Answer(status, answer.get("description", ""), _content(answer), _example(answer))
            for status, answer in said["responses"].items()
        ],
    )


def _example(said: dict[str, Any]) -> str:
    content = said.get("content", {}).get("application/json", {})
    if "example" not in content:
        return ""
    return json.dumps(content["example"], indent=2, ensure_ascii=False)


def _content(said: dict[str, Any]) -> Type:
    if "content" not in said:
        return Type((Kind("nothing"),))
    kinds: dict[Kind, None] = {}
    for media_type, content in said["content"].items():
        found = type_of(content["schema"]).kinds
        described = any(kind.shape for kind in found)
        kinds |= dict.fromkeys(found if described else (Kind(media_type),))
    return Type(tuple(kinds))


def type_of(schema: dict[str, Any]) -> Type:
    """Return what a JSON Schema of ours says in words."""
    kinds = list(_kinds(schema))
    return Type(tuple(kind for kind in kinds if kind != _NULL), nullable=_NULL in kinds)


def _kinds(schema: dict[str, Any]) -> Iterator[Kind]:
    if "$ref" in schema:
        yield Kind("", schema["$ref"].rsplit("/", 1)[1])
    elif several := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        for one in several:
            yield from _kinds(one)
    elif "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        yield Kind(", ".join("null" if value is None else str(value) for value in values if value))
    elif schema.get("type") == "array":
        for kind in _kinds(schema.get("items", {})):
            yield Kind(f"list of {kind.words}".rstrip(), kind.shape)
    elif isinstance(schema.get("additionalProperties"), dict):
        for kind in _kinds(schema["additionalProperties"]):
            yield Kind(f"map to {kind.words}".rstrip(), kind.shape)
    else:
        names = schema.get("type", "any")
        for name in names if isinstance(names, list) else [names]:
            yield Kind(_FORMATS.get(schema.get("format", ""), str(name)))


_NULL = Kind("null")
_FORMATS = {
    "date": "date (ISO 8601)",
    "date-time": "time (ISO 8601)",
    "uuid": "UUID",
    "binary": "file",
}
