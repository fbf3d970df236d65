"""The documentation's examples work when pasted, and its pages and names exist."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.static.test_layers import FOREIGN

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


TRAINERS = ["accelerate", "lightning", "transformers"]
"""Pages whose packages are beside the environment."""
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if blocks(page) and page.stem not in TRAINERS]

ALONE = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
"""What torchrun sets for one process."""

WITH_TORCHVISION = """
from partial_backprop.torchvision_compat import import_torchvision
import_torchvision()
"""


def run(code: str, folder: Path, *options: str, **variables: str) -> str:
    command = [sys.executable, *(options or ("-W", "error")), "-c", code]
    env = {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_tutorial_and_library_page_have_examples():
    assert {DOCS / "tutorial.md", DOCS / "library.md"} <= set(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_of_a_page_run_one_after_the_other(page, tmp_path):
    run("\n".join(blocks(page)), tmp_path, **ALONE)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINERS)
def test_examples_of_a_trainers_page_run_one_after_the_other(name, tmp_path):
    """With the warnings of the trainers, which are about this machine and the size of the example."""
    folders = [os.environ.get("PYTHONPATH", ""), str(Path(sys.prefix) / "trainers")]
    code = WITH_TORCHVISION + "\n".join(blocks(DOCS / f"{name}.md"))
    path = os.pathsep.join(filter(None, folders))
    said = run(code, tmp_path, "-W", "default", PYTHONPATH=path, HF_HUB_OFFLINE="1")
    assert "weights frozen" in said


def test_the_first_example_of_the_library_page_is_short_and_stands_alone(tmp_path):
    first = blocks(DOCS / "library.md")[0]
    assert len(first.splitlines()) <= 15
    assert "1,231 of 1,539" in run(first, tmp_path)  # four fifths of them


def test_names_of_the_api_page_exist():
    names = re.findall(r"^::: (\S+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert names
    for name in names:
        module, _, thing = name.rpartition(".")
        if module in FOREIGN:  # tests/integrations imports it
            continue
        assert getattr(importlib.import_module(module), thing).__doc__, name


def test_the_site_shows_every_page():
    listed = re.findall(r"[\w/]+\.md", yaml.dump(mkdocs()["nav"]))
    assert sorted(listed) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


def test_links_that_leave_the_site_become_paths(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    (hook,) = mkdocs()["hooks"]
    rewrite = importlib.import_module(Path(hook).stem).on_page_markdown
    text = "[a](../README.md#top) and [b](data.md)"
    assert rewrite(text) == "a (`README.md`) and [b](data.md)"


def mkdocs() -> dict:
    return yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
