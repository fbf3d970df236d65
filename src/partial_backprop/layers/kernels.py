"""Build `kernels.c` once per machine, and load it."""

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

SOURCE = Path(__file__).with_name("kernels.c")
HEADER = Path(__file__).with_name("maps.h")
FLAGS = ("-O3", "-march=native", "-fopenmp-simd", "-ffp-contract=fast", "-shared", "-fPIC")


_off = False


@contextlib.contextmanager
def torch_only() -> Iterator[None]:
    """Let all layers of this package run as torch's own for the length of a block, to compare the two.

    Yields
    ------
    None
        Once.
    """
    global _off
    before, _off = _off, True
    try:
        yield
    finally:
        _off = before


def suit(*tensors: Tensor) -> bool:
    """Tell whether code of our own may compute with some tensors, or only torch's may.

    Parameters
    ----------
    *tensors : Tensor
        What would be computed with.

    Returns
    -------
    bool
        False on other devices, for subclasses of ``torch.Tensor``, inside ``torch.compile`` and the
        transformations of ``torch.func``, and in `torch_only`.
    """
    return (
        not _off
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and all(type(one) in (Tensor, nn.Parameter) and one.device.type == "cpu" for one in tensors)
    )


def are_there_for(*tensors: Tensor) -> bool:
    """Tell whether the compiled kernels may compute with some tensors: `suit`, with one thread.

    Parameters
    ----------
    *tensors : Tensor
        What would be computed with.

    Returns
    -------
    bool
        Whether torch uses one thread, the tensors suit and there is a library.
    """
    return suit(*tensors) and torch.get_num_threads() == 1 and library() is not None


def library() -> ctypes.CDLL | None:
    """Build the kernels where that has not happened yet, and load them.

    Returns
    -------
    ctypes.CDLL or None
        None without a compiler, with PARTIAL_BACKPROP_KERNELS=0 in the environment, and in `torch_only`.
    """
    return None if _off else _library()


@functools.cache
def _library() -> ctypes.CDLL | None:
    if os.environ.get("PARTIAL_BACKPROP_KERNELS") == "0":
        return None
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    path = _folder() / f"{_key(compiler)}.so"
    try:
        if not path.exists():
            _build(compiler, path)
        return ctypes.CDLL(str(path))
    except (OSError, subprocess.CalledProcessError):
        return None


@functools.cache
def has_amx() -> bool:
    """Tell whether the processor multiplies matrices of bfloat16 in tiles (AMX).

    Returns
    -------
    bool
        As Linux says; False elsewhere.
    """
    return "amx_bf16" in _processor().split()


def call(name: str, *arguments: Tensor | int | float | None) -> None:
    """Call a kernel.

    Parameters
    ----------
    name : str
        A function of `kernels.c`.
    *arguments : Tensor, int, float or None
        Its arguments: tensors as they lie in memory (None: a null pointer), sizes and numbers.
    """
    getattr(library(), name)(*map(_converted, arguments))


def _converted(argument: Tensor | int | float | None) -> object:
    if isinstance(argument, int):
        return ctypes.c_ssize_t(argument)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    return ctypes.c_void_p(None if argument is None else argument.data_ptr())


def _key(compiler: str) -> str:
    """Name a build by all that it depends on; `-march=native` differs from node to node of a cluster."""
    parts = [
        SOURCE.read_text(),
        HEADER.read_text(),
        compiler,
        *FLAGS,
        platform.machine(),
        _processor(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    return "\n".join(
        sorted({one for one in text.splitlines() if one.startswith(("flags", "model"))})
    )


def _folder() -> Path:
    """The user's cache, or a private temporary folder where that cannot be written."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "partial_backprop"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if os.access(cache, os.W_OK) and cache.stat().st_uid == os.getuid():
            return cache
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="partial_backprop-"))


def _build(compiler: str, path: Path) -> None:
    # Built beside and renamed: processes that start together never load half a file.
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / path.name
        subprocess.run(
            [compiler, *FLAGS, str(SOURCE), "-o", str(made)], check=True, capture_output=True
        )
        made.replace(path)
