"""The tree that the static checks read."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def git() -> list[str]:
    """Git's command for this repository, whoever owns it."""
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
    top = subprocess.run(
        [*command, "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True
    )
    assert Path(top.stdout.strip()) == ROOT
    return command


@pytest.fixture(scope="session")
def files(git: list[str]) -> list[Path]:
    """Files that are committed or will be: all but the ignored ones."""
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return sorted(path for path in paths if path.is_file())
