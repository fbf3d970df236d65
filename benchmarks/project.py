"""A copy of the project in a temporary folder, in which snakemake can be timed."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import machine

ROOT = Path(__file__).parents[1]
COPIED = ("Snakefile", "workflow", "profiles", "config", "envs", "src", "paper/source")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


class Project:
    """A copy of the project without results."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.peak_mib = float("nan")
        for name in COPIED:
            source, target = ROOT / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=LEFT_OUT)
            else:
                shutil.copy(source, target)

    def run(self, *words: str) -> str:
        """Run ``python -m`` some words there, with the copy's own sources."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.root,
                env=os.environ | {"PYTHONPATH": str(self.root / "src"), "PATH": path},
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            # Unlike `subprocess`, this tells what this one process took.
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            printed.seek(0)
            text = printed.read().decode(errors="replace")
        self.peak_mib = used.ru_maxrss * machine.RSS_UNIT / 2**20
        if process.returncode:
            raise RuntimeError(f"{' '.join(words)}: {text[-2000:]}")
        return text

    def snakemake(self, scale: str, *words: str) -> str:
        """Run snakemake for a scale."""
        return self.run("snakemake", *words, "--cores", "2", "--config", f"scale={scale}")

    def n_jobs(self, scale: str) -> int:
        """Plan a scale and count its jobs."""
        printed = self.snakemake(scale, "--dry-run", "--quiet", "host")
        return int(re.findall(r"^total +(\d+)$", printed, re.MULTILINE)[-1])

    def finish(self, scale: str) -> None:
        """Make snakemake believe that a scale is finished: empty files with the right times."""
        header, *lines = [
            line.split("\t")
            for line in self.snakemake(scale, "--summary").splitlines()
            if "\t" in line
        ]
        column = header.index("output_file")
        for line in lines:
            path = self.root / line[column]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        self.snakemake(scale, "--touch")


@contextmanager
def project() -> Iterator[Project]:
    """Copy the project for the time of a ``with`` block."""
    with tempfile.TemporaryDirectory(prefix="partial_backprop_bench_") as folder:
        yield Project(Path(folder))
