"""What is built for PyPI is whole, and every place that names the version agrees."""

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import partial_backprop

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "NOTICE")
PARTS += ("CHANGELOG.md", "CITATION.cff")
BUILD = """
from setuptools import build_meta
build_meta.build_sdist("dist")
build_meta.build_wheel("dist")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Folder with wheel and sdist."""
    root = tmp_path_factory.mktemp("project")
    for name in PARTS:
        shutil.copy(ROOT / name, root)
    generated = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", root / "src", ignore=generated)
    (root / "dist").mkdir()
    subprocess.run([sys.executable, "-c", BUILD], cwd=root, check=True, capture_output=True)
    return root / "dist"


def sources() -> set[str]:
    package = ROOT / "src" / "partial_backprop"
    found = {path.relative_to(ROOT / "src") for path in package.rglob("*") if path.is_file()}
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_every_file_of_the_package(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert not sources() - names
    assert {Path(name).suffix for name in sources()} >= {".c", ".h", ".py"}


def test_the_sdist_holds_every_file_of_the_package_and_what_builds_it(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert not {f"src/{name}" for name in sources()} - names
    assert not set(PARTS) - names


def test_one_version_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["version"] == partial_backprop.__version__ == citation["version"]
    assert f"[{project['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
