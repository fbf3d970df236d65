"""The examples in docs/library.md work when pasted."""

import re
import subprocess
import sys
from pathlib import Path

BLOCKS = re.findall(
    r"```python\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


def run(code: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_first_example_is_short_and_stands_alone(tmp_path):
    assert len(BLOCKS[0].splitlines()) <= 15
    printed = run(BLOCKS[0], tmp_path)
    assert printed.startswith("PartialBackprop (strict): 1,231 of 1,539 weights frozen (80.0%)")


def test_the_others_follow_on_it(tmp_path):
    """One process for all: later blocks use the names of the first."""
    assert len(BLOCKS) == 6
    run("\n".join(BLOCKS), tmp_path)
    assert (tmp_path / "run.pt").is_file()
