"""Resolve ``envs/requirements.in`` into ``envs/requirements.lock``, without installing anything.

conda gets the same versions in ``envs/environment.yaml``, which names no other file, since Snakemake
copies it before conda reads it.

The lock is the full closure, each package pinned to one version. Left out are the CUDA libraries:
torch pins them itself, and only its CUDA build wants them. Left out too is torch's local version
(``+cpu``), so that the one lock serves every build of that version.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ENVS = Path(__file__).parents[1] / "envs"
HEADER = """\
# Every package of the environment, written by `make lock` from requirements.in: do not edit.
# torch stands here without its CUDA libraries, which its CUDA build pins itself.
"""
CONDA_HEADER = """\
# What each job runs in with `snakemake --sdm conda`; written by `make lock`: do not edit.
# conda brings Python and pdftotext, and pip brings the packages of the lock. LaTeX comes from the
# system (scripts/system-packages says what to install): conda-forge has the programs of TeX Live,
# but not its LaTeX packages.
# To work in it: conda env create --file envs/environment.yaml && conda activate partial-backprop
#                && pip install --no-deps --editable .
name: partial-backprop
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - poppler
  - pip:
"""
LEFT_TO_TORCH = re.compile(r"nvidia-|cuda-|triton$")


def main() -> None:
    """Write the lock, and the same for conda."""
    resolve = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-qq"]
    resolve += ["--report", "-", "--requirement", str(ENVS / "requirements.in")]
    report = subprocess.run(resolve, check=True, stdout=subprocess.PIPE).stdout
    pins = {
        package["metadata"]["name"]: package["metadata"]["version"].split("+")[0]
        for package in json.loads(report)["install"]
    }
    lines = [
        f"{name}=={pins[name]}\n"
        for name in sorted(pins, key=str.lower)
        if not LEFT_TO_TORCH.match(name)
    ]
    write(lines)


def write(lines: list[str]) -> None:
    """Write both files.

    Parameters
    ----------
    lines : list of str
        A pinned package each, with its line's end.
    """
    (ENVS / "requirements.lock").write_text(HEADER + "".join(lines), encoding="utf-8")
    listed = "".join(f"      - {line}" for line in lines)
    (ENVS / "environment.yaml").write_text(CONDA_HEADER + listed, encoding="utf-8")


if __name__ == "__main__":
    main()
