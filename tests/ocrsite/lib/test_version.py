"""What is told of the code that runs, read from files without git."""

from pathlib import Path

from ocrsite.lib.version import running_version

COMMIT = "3a9bca3f2e4d5c6b7a8901234567890123456789"


def project(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text('[project]\nversion = "0.2.0"\n')
    return folder


def clone(folder: Path, head: str) -> Path:
    git = folder / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{head}\n")
    return git


def test_version_of_the_project_stands_alone_without_a_clone(tmp_path: Path) -> None:
    assert running_version(project(tmp_path)) == "0.2.0"


def test_nothing_is_known_of_an_empty_folder(tmp_path: Path) -> None:
    assert running_version(tmp_path) == "unknown"


def test_commit_of_a_branch_is_told(tmp_path: Path) -> None:
    git = clone(project(tmp_path), "ref: refs/heads/main")
    (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")

    assert running_version(tmp_path) == "0.2.0 3a9bca3f2e"


def test_packed_branch_is_told(tmp_path: Path) -> None:
    git = clone(project(tmp_path), "ref: refs/heads/main")
    (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")

    assert running_version(tmp_path) == "0.2.0 3a9bca3f2e"


def test_branch_without_a_commit_and_lost_files_are_told_as_nothing(tmp_path: Path) -> None:
    git = clone(project(tmp_path), "ref: refs/heads/main")
    assert running_version(tmp_path) == "0.2.0"

    (git / "packed-refs").write_text("")
    assert running_version(tmp_path) == "0.2.0"


def test_commit_that_is_checked_out_is_told(tmp_path: Path) -> None:
    clone(project(tmp_path), COMMIT)

    assert running_version(tmp_path) == "0.2.0 3a9bca3f2e"


def test_commit_of_a_worktree_is_told(tmp_path: Path) -> None:
    git = clone(project(tmp_path / "main"), "ref: refs/heads/main")
    (git / "refs" / "heads" / "side").write_text(f"{COMMIT}\n")
    own = git / "worktrees" / "side"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    side = project(tmp_path / "side")
    (side / ".git").write_text(f"gitdir: {own}\n")

    assert running_version(side) == "0.2.0 3a9bca3f2e"
