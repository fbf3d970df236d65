"""Build a file of C with the machine's own compiler, once, and load it."""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


@functools.cache
def load(source: Path, *flags: str) -> ctypes.CDLL | None:
    """Build a file where that has not happened yet, and load it."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None or os.environ.get("PARTIAL_BACKPROP_KERNELS") == "0":
        return None
    name = f"{source.stem}.{_key(compiler, source, flags)}.so"
    for folder in (_cache(), None):
        try:
            # Where there is no cache, a file of its own serves this process; it is gone once loaded.
            with tempfile.TemporaryDirectory(prefix=".building.", dir=folder) as own:
                path = (folder or Path(own)) / name
                if not path.is_file():
                    made = Path(own) / "made.so"
                    command = [compiler, *FLAGS, *flags, str(source), "-o", str(made), "-lm"]
                    subprocess.run(command, check=True, capture_output=True, timeout=120)
                    made.replace(path)  # whole or not at all, also where processes start together
                return ctypes.CDLL(str(path))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


@functools.cache
def processor() -> str:
    """Describe the processor, of whose abilities `-march=native` makes use."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.node()}"
    return "\n".join(
        sorted({one for one in text.splitlines() if one.startswith(("flags", "model"))})
    )


def _key(compiler: str, source: Path, flags: tuple[str, ...]) -> str:
    texts = [
        path.read_text(encoding="utf-8") for path in (source, *sorted(source.parent.glob("*.h")))
    ]
    parts = [texts, compiler, os.stat(compiler).st_mtime_ns, FLAGS, flags, processor()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _cache() -> Path | None:
    """Folder of the user's own cache; None where it cannot be made or is somebody else's."""
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = root / "partial_backprop"
        folder.mkdir(parents=True, exist_ok=True)
        return folder if folder.stat().st_uid == os.getuid() else None
    except (OSError, RuntimeError):
        return None
