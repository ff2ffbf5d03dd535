"""Which code runs."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# So much of a commit's name tells it from others.
SHORT = 10


def running_version(root: Path = ROOT) -> str:
    """Return the version in pyproject.toml and, in a git clone, the commit that is checked out.

    Such as "0.1.0 3a9bca3f2e". Read from files, without git. Raises nothing.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        version = str(project["project"]["version"])
    except (OSError, ValueError, KeyError):
        version = "unknown"
    return f"{version} {_commit(root)}".strip()


def _commit(root: Path) -> str:
    """What HEAD points to; "" where that cannot be told."""
    try:
        git = root / ".git"
        if git.is_file():  # a worktree: gitdir: <path>
            git = root / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return head[:SHORT]
        return _resolved(git, head.partition("ref:")[2].strip())[:SHORT]
    except OSError:
        return ""


def _resolved(git: Path, reference: str) -> str:
    """The commit of a branch: in a file of its own, or among the packed ones."""
    common = git / "commondir"
    shared = git / common.read_text(encoding="utf-8").strip() if common.exists() else git
    loose = shared / reference
    if loose.exists():
        return loose.read_text(encoding="utf-8").strip()
    packed = (shared / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {reference}")), "")
