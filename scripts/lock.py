"""Resolve ``envs/requirements.in`` into ``envs/requirements.lock``, without installing anything.

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
LEFT_TO_TORCH = re.compile(r"nvidia-|cuda-|triton$")


def main() -> None:
    """Write the lock."""
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
    (ENVS / "requirements.lock").write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
