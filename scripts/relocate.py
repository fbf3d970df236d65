"""Make a virtual environment ready to be renamed: its commands name the place where they will be.

.venv.new/bin/python scripts/relocate.py .venv.new .venv
"""

import sys
from pathlib import Path


def relocate(environment: Path, name: str) -> None:
    """Put another name in the place of the environment's own, in its commands and settings."""
    for path in (*environment.glob("bin/*"), environment / "pyvenv.cfg"):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            changed = content.replace(f"/{environment.name}".encode(), f"/{name}".encode())
            if changed != content:
                path.write_bytes(changed)


if __name__ == "__main__":
    relocate(Path(sys.argv[1]), sys.argv[2])
