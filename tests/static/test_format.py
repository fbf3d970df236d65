"""Formatters and linters have nothing to say."""

import subprocess
import sys

import pytest

COMMANDS = {
    "ruff check": ["ruff", "check", "--no-cache", "."],
    "ruff format": ["ruff", "format", "--no-cache", "--check", "."],
    "snakefmt": ["snakefmt", "--check", "Snakefile", "workflow"],
    "snakemake --lint": ["snakemake", "--lint"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_to_say(name, root):
    finished = subprocess.run(
        [sys.executable, "-m", *COMMANDS[name]], cwd=root, capture_output=True, text=True
    )
    assert finished.returncode == 0, f"make format may mend it:\n{finished.stdout}{finished.stderr}"
