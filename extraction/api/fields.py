"""docs/api-fields.md: the description of the API as a document, for who has no site at hand."""

from collections.abc import Iterable, Iterator

from extraction.api.reference import Field, Operation, Shape, Type, operations, shapes
from extraction.api.schema import openapi

_HEADER = """# Fields of the API

Every request, answer and field. Made by `manage.py api_fields` from what `/api/schema/` serves;
[the API](api.md) explains how to use it.
"""


def document() -> str:
    """Return the text of docs/api-fields.md."""
    described = openapi()
    parts = [_HEADER, "## Requests\n"]
    parts += ["\n".join(_operation(each)) for each in operations(described)]
    parts.append("## Shapes\n")
    parts += ["\n".join(_shape(each)) for each in shapes(described)]
    return "\n".join(parts)


def _operation(operation: Operation) -> Iterator[str]:
    yield f"### `{operation.method} {operation.path}`\n"
    yield f"{operation.summary}. {operation.description}".strip() + "\n"
    if operation.parameters:
        rows = ((_named(each), each.place, *_told(each)) for each in operation.parameters)
        yield from _table(("Parameter", "In", "Type", "Meaning"), rows)
    if operation.body:
        yield f"Body: {_type(operation.body)}\n"
    answers = sorted(operation.answers, key=lambda each: each.status)
    for answer in answers:
        if answer.status < "400":
            yield f"{answer.status}: {_type(answer.type)}. {answer.description}".strip() + "\n"
    errors: dict[str, list[str]] = {}
    for answer in answers:
        if answer.status >= "400":
            errors.setdefault(_type(answer.type), []).append(answer.status)
    for shape, statuses in errors.items():
        yield f"{', '.join(statuses)}: {shape}.\n"


def _shape(shape: Shape) -> Iterator[str]:
    yield f"### {shape.name}\n"
    if shape.description:
        yield f"{shape.description}\n"
    if shape.fields:
        rows = ((_named(each), *_told(each)) for each in shape.fields)
        yield from _table(("Field", "Type", "Meaning"), rows)
    else:
        yield f"{_type(shape.type)}\n"


def _named(field: Field) -> str:
    return f"`{field.name}`{' (required)' if field.place and field.required else ''}"


def _told(field: Field) -> tuple[str, str]:
    return _type(field.type), field.description


def _type(type_: Type) -> str:
    kinds = [
        f"{kind.words} [{kind.shape}](#{kind.shape.lower()})".strip() if kind.shape else kind.words
        for kind in type_.kinds
    ]
    return " or ".join([*kinds, "null"] if type_.nullable else kinds)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = (" ".join(cell.replace("|", "\\|").split()) for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""
