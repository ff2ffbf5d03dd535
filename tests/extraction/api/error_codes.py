"""Every code with which the source says that a request or a document failed, and its status."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from http import HTTPStatus

from extraction.readers.base import SERVICE_FAULTS, Failure
from extraction.readers.gemini.errors import CONDITIONS
from tests.running_site import ROOT

# What takes a code, with the status that it stands for where none is given.
_ERRORS = {
    "UserFacingError": None,
    "DocumentRejected": 422,
    "ExtractionFailed": None,
    "ServiceFault": 503,
    "NoUsableKey": 402,
    "NotFound": 404,
    "PermissionDenied": 403,
    "AuthenticationFailed": 401,
    "_plain": None,
}
_CODE = re.compile(r"[a-z]+(_[a-z]+)*\Z")
_FOLDERS = ("extraction", "tokens", "ocrsite/lib")


def codes() -> dict[str, set[int]]:
    """The statuses of each code that is written out, and of each condition of a call."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for folder in _FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for code, status in _codes_in(ast.parse(path.read_text("utf-8"))):
                found[code].add(status)
    for code, condition in CONDITIONS.items():
        if code not in SERVICE_FAULTS:
            failed = 504 if condition.timed_out else 502
            found[code].add(422 if condition.failure is Failure.FINAL else failed)
    for code in SERVICE_FAULTS:
        found[code].add(503)
    return found


def _codes_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    names = dict(_ERRORS)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            for base in bases:
                if base in _ERRORS:
                    yield from _of_calls(node, {"super().__init__": _ERRORS[base]})
    yield from _of_calls(tree, names)


def _of_calls(tree: ast.AST, names: dict[str, int | None]) -> Iterator[tuple[str, int]]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        name = name if name in names else name.rpartition(".")[2]
        if name not in names:
            continue
        keyword = [each.value for each in call.keywords if each.arg == "code"]
        for argument in (*call.args[:2], *keyword):
            match argument:
                case ast.Constant(value=str(text)) if _CODE.match(text):
                    yield text, _status(call, names[name])


def _status(call: ast.Call, default: int | None) -> int:
    for argument in call.args:
        match argument:
            case ast.Constant(value=int(status)):
                return status
            case ast.Attribute(value=ast.Name(id="HTTPStatus"), attr=name):
                return int(HTTPStatus[name])
    return default or 0
