"""A copy of the project in a folder of its own, for tests that run the whole workflow."""

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("Snakefile", "workflow", "profiles", "config", "envs", "src", "pyproject.toml")
LENET5 = "src/partial_backprop/experiments/partial_backprop/lenet5_mnist.yaml"
GENERATED = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pdf", "build")


class Project:
    """A copy of the project without anything generated."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ROOMS:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=GENERATED)
            else:
                shutil.copy(source, root / name)
        shutil.copytree(ROOT / "paper" / "source", root / "paper" / "source")

    @classmethod
    def at(cls, root: Path) -> "Project":
        """A project that is there already."""
        project = cls.__new__(cls)
        project.root = root
        return project

    def copied(self, root: Path) -> "Project":
        """A copy without what Snakemake noted."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(".snakemake"))
        return Project.at(root)

    def shuffle_times(self, moment: random.Random) -> None:
        """Give every result a time at random, as no copy would be worse."""
        for folder in ("results", "figures", "config", "src"):
            for path in sorted((self.root / folder).rglob("*")):
                time = 1_600_000_000 + moment.random() * 1e8
                os.utime(path, (time, time))

    def snakemake(
        self,
        *words: str,
        config: tuple[str, ...] = ("scale=smoke",),
        env: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run snakemake there, with the copy's own sources and maybe some variables changed."""
        return subprocess.run(
            self.command(*words, "--cores", "2", "--config", *config),
            cwd=self.root,
            env=self.env(env) | dict(variables or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    def command(self, *words: str) -> list[str]:
        """The words that start snakemake."""
        return [sys.executable, "-m", "snakemake", *words]

    def env(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """An environment in which python is this one and the package is the copy's."""
        env = dict(env or os.environ)
        path = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        return env | {"PYTHONPATH": str(self.root / "src"), "PATH": path}

    def planned(self, *words: str) -> dict[str, int]:
        """Rules that a dry run would run, with the number of their jobs."""
        outcome = self.snakemake(*words, "--dry-run", "--quiet", "host")
        assert outcome.returncode == 0, outcome.stderr + outcome.stdout
        text = outcome.stdout + outcome.stderr
        jobs = re.findall(r"^(\w+) +(\d+)$", text.partition("Job stats:")[2], re.MULTILINE)
        return {rule: int(count) for rule, count in jobs if rule not in ("total", "all")}

    def edited(self, module: str) -> "Edit":
        """Change a module of the package for the time of a ``with`` block."""
        return Edit(self.root / "src" / "partial_backprop" / module)


class Edit:
    """Change a file and put it back as it was, its time included."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._stat = self._path.stat()
        self._text = self._path.read_text()
        self._path.write_text(self._text + "\n_EDITED = True\n")

    def __exit__(self, *_: object) -> None:
        self._path.write_text(self._text)
        os.utime(self._path, ns=(self._stat.st_atime_ns, self._stat.st_mtime_ns))
