"""What a type checker says of the library, and of a program that uses it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARY = (
    *("freezing", "pruning", "quantization", "sparsification", "optim"),
    *("storage", "summary", "integrations", "metrics"),
)
PROGRAM = """
from typing import assert_type
import torch
from partial_backprop import Mask, PartialBackprop
from partial_backprop.freezing_report import FreezingReport

model = torch.nn.Linear(2, 2)
pb = PartialBackprop(model, torch.optim.Adam(model.parameters()), {"name": "quantile", "q": 0.5})
assert_type(pb.report(), FreezingReport)
assert_type(pb.mask, Mask | None)
pb.begin_epoch("0")
"""


def mypy(*arguments: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".venv/types")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return found.stdout.splitlines()


def test_the_library_agrees_with_its_annotations():
    assert mypy(*(f"src/partial_backprop/{folder}" for folder in LIBRARY)) == []


def test_a_program_learns_the_types_of_what_it_uses(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    (error,) = mypy("--strict-optional", "--follow-imports=silent", str(program))
    assert "begin_epoch" in error
    assert "str" in error
