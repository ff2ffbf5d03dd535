"""The documents speak of files that are there."""

import re

import pytest

from tests.running_site import ROOT

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
FOLDERS = "ocrsite|tokens|extraction|logs|templates|tests|docs|benchmarks|samples"
# In code marks, or as the target of a link.
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*|\w+\.py)`")
MODULE = re.compile(r"`((?:ocrsite|tokens|extraction|logs)(?:\.[a-z_]+)+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_is_named_exists(document: str) -> None:
    missing = [path for path in PATH.findall(text_of(document)) if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_that_is_named_exists(document: str) -> None:
    missing = [
        name
        for name in MODULE.findall(text_of(document))
        if not (ROOT / name.replace(".", "/")).is_dir()
        and not (ROOT / f"{name.replace('.', '/')}.py").exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    folder = (ROOT / document).parent
    missing = [link for link in LINK.findall(text_of(document)) if not (folder / link).exists()]
    assert missing == []


def test_paths_are_found_at_all() -> None:
    assert sum(len(PATH.findall(text_of(document))) for document in DOCUMENTS) > 15
