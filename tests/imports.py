"""Draws how the packages import each other: ``python -m tests.imports``, part of ``make lint``.

The layers themselves are import-linter's contracts in pyproject.toml. This prints the table, and
fails for two things that those do not tell: modules that import each other in a circle, and
modules above 400 lines.
"""

import sys
from collections import defaultdict
from pathlib import Path

import grimp

from tests.running_site import ROOT

APPS = ("extraction", "tokens", "logs", "ocrsite")
LONGEST_MODULE = 400


def main() -> int:
    """Print the table and what is wrong; return the exit code."""
    graph = grimp.build_graph(*APPS)
    modules = {name: path for name in graph.modules if (path := _path_of(name))}
    _draw(graph, modules)
    faults = [
        f"{name} has {lines} lines, more than {LONGEST_MODULE}."
        for name, path in sorted(modules.items())
        if (lines := _lines(path)) > LONGEST_MODULE
    ]
    faults += _circles(graph)
    for fault in faults:
        print(fault)
    print(f"{len(faults)} faults in {len(modules)} modules.")
    return 1 if faults else 0


def _draw(graph: grimp.ImportGraph, modules: dict[str, Path]) -> None:
    """Print each package with its size and the packages that it imports."""
    members = defaultdict(list)
    for name in modules:
        members[_package_of(name)].append(name)
    print(f"{'package':<29}{'modules':>8}{'lines':>7}  imports")
    for package, names in sorted(members.items()):
        imported = {
            _package_of(other)
            for name in names
            for other in graph.find_modules_directly_imported_by(name)
        }
        lines = sum(_lines(modules[name]) for name in names)
        others = ", ".join(sorted(imported - {package}))
        print(f"{package:<29}{len(names):>8}{lines:>7}  {others}")


def _circles(graph: grimp.ImportGraph) -> list[str]:
    """Return a sentence for each import that closes a circle.

    A package's ``__init__`` gathers what its modules offer; that they import each other through it
    is a circle, too.
    """
    return [
        f"{importer} imports {imported}, which leads back to it: {' → '.join(chain)}."
        for importer in sorted(graph.modules)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if (chain := graph.find_shortest_chain(importer=imported, imported=importer))
    ]


def _package_of(module: str) -> str:
    return module if _folder_of(module).is_dir() else module.rpartition(".")[0] or module


def _folder_of(module: str) -> Path:
    return ROOT.joinpath(*module.split("."))


def _path_of(module: str) -> Path | None:
    folder = _folder_of(module)
    found = [path for path in (folder.with_suffix(".py"), folder / "__init__.py") if path.exists()]
    return found[0] if found and "migrations" not in module else None


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    sys.exit(main())
