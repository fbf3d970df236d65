"""The library half imports torch, numpy and the standard library alone, and its examples run with them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.static.test_layers import FOREIGN

import partial_backprop

pytestmark = pytest.mark.slow

PACKAGE = Path(partial_backprop.__file__).parent
ROOT = Path(__file__).parents[2]
LIBRARY = (
    "freezing", "pruning", "quantization", "sparsification", "optim", "sparse", "networks", "data",
    "training", "metrics", "storage", "summary", "layers", "integrations",
)  # fmt: skip
KERNELS = {"partial_backprop.freezing.adam_kernel", "partial_backprop.freezing.adam_triton_kernel"}
"""Modules that are numba's or Triton's, imported where these are found."""

# Torch's own needs are whatever torch installs; all else that this environment has is hidden.
BLOCKED = """
import importlib.metadata, re, sys

def needs(name, seen):
    seen.add(name)
    for line in importlib.metadata.requires(name) or ():
        needed = re.match(r"[\\w.-]+", line)[0].lower().replace("_", "-")
        if "extra ==" not in line and needed not in seen:
            try:
                needs(needed, seen)
            except importlib.metadata.PackageNotFoundError:
                pass
    return seen

ours = needs("torch", {"numpy"})
allowed = {"partial_backprop"} | set(sys.stdlib_module_names)
for module, packages in importlib.metadata.packages_distributions().items():
    if ours & {package.lower().replace("_", "-") for package in packages}:
        allowed.add(module)

class Allowed:
    #Finds what it may; of all else it is as if it were not installed.

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in allowed or name.startswith("_sysconfigdata"):
            return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Allowed, sys.meta_path)
"""


def run(code: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-B", "-c", BLOCKED + code], cwd=folder, capture_output=True, text=True
    )


def library_modules() -> list[str]:
    paths = (path for part in LIBRARY for path in (PACKAGE / part).rglob("*.py"))
    names = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in paths)
    found = {".".join(parts).removesuffix(".__init__") for parts in names}
    return sorted(found - KERNELS - FOREIGN)


def test_the_block_blocks(tmp_path):
    finished = run("import pydantic", tmp_path)
    assert "No module named 'pydantic'" in finished.stderr
    assert finished.returncode == 1


def test_the_library_imports_with_torch_and_numpy_alone(tmp_path):
    code = (
        f"import importlib\nfor name in {library_modules()}:\n    importlib.import_module(name)\n"
    )
    finished = run(code, tmp_path)
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_printed_examples_run_with_torch_and_numpy_alone(tmp_path):
    pages = (ROOT / "README.md", ROOT / "docs" / "library.md")
    codes = [
        code
        for page in pages
        for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        if code.startswith("import torch")
    ]
    assert len(codes) >= len(pages)
    finished = run(f"for code in {codes}:\n    exec(code, {{'__name__': code}})\n", tmp_path)
    assert finished.returncode == 0, finished.stderr[-2000:]


def test_the_command_line_names_the_extra_that_it_needs(tmp_path):
    finished = run("from partial_backprop.__main__ import run; sys.exit(run())", tmp_path)
    assert finished.returncode == 2
    assert "partial_backprop[paper]" in finished.stderr
    assert len(finished.stderr.splitlines()) == 1


def test_criteria_summaries_and_small_files_need_no_more(tmp_path):
    finished = run(
        """
import torch
from pathlib import Path
from partial_backprop import PartialBackprop, UserError
from partial_backprop.storage import convert
from partial_backprop.summary.find import network
from partial_backprop.summary.keras import summarize
from partial_backprop.summary import render

model = network("lenet5", (1, 28, 28), 10, {})
render.text(summarize(model, (1, 28, 28)))
optimizer = torch.optim.Adam(model.parameters())
pb = PartialBackprop(model, optimizer, criterion={"name": "fixed", "threshold": "1e-3"}, start_epoch=0)
pb.begin_epoch(0)
model(torch.randn(4, 1, 28, 28)).square().sum().backward()
optimizer.step()
pb.report().total("n_mask_zeros")
torch.save(model.state_dict(), "w.pt")
convert.shrink(Path("w.pt"), Path("w.sparse"))
convert.expand(Path("w.sparse"), Path("v.pt"))
try:
    PartialBackprop(model, optimizer, criterion={"name": "quantile", "q": 2})
except UserError as error:
    print(error)
""",
        tmp_path,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert "must be a number from 0 to 1, got 2" in finished.stdout
