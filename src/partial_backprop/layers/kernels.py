"""Load `kernels.c`, and tell where it may compute."""

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from partial_backprop import c_library

SOURCE = Path(__file__).with_name("kernels.c")
FLAGS = ("-fopenmp-simd", "-ffp-contract=fast")

_off = False


@contextlib.contextmanager
def torch_only() -> Iterator[None]:
    """Let all layers of this package run as torch's own for the length of a block, to compare the two."""
    global _off
    before, _off = _off, True
    try:
        yield
    finally:
        _off = before


def suit(*tensors: Tensor) -> bool:
    """Tell whether code of our own may compute with some tensors, or only torch's may."""
    return (
        not _off
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and all(type(one) in (Tensor, nn.Parameter) and one.device.type == "cpu" for one in tensors)
    )


def are_there_for(*tensors: Tensor) -> bool:
    """Tell whether the compiled kernels may compute with some tensors: `suit`, with one thread."""
    return suit(*tensors) and torch.get_num_threads() == 1 and library() is not None


def are_vectors(length: int, *tensors: Tensor | None) -> bool:
    """Tell whether a kernel may read some vectors, such as biases and statistics, as they lie in memory."""
    return all(
        one is None
        or (
            one.dtype == torch.float32
            and one.device.type == "cpu"
            and one.numel() == length
            and one.is_contiguous()
        )
        for one in tensors
    )


def of_type(name: str, tensor: Tensor) -> str:
    """Name the kernel for a tensor's type."""
    return f"{name}_{str(tensor.dtype).removeprefix('torch.')}"


def library() -> ctypes.CDLL | None:
    """Build the kernels where that has not happened yet, and load them; None where they cannot be."""
    return None if _off else c_library.load(SOURCE, *FLAGS)


def have_tiles() -> bool:
    """Tell whether there are kernels for a processor that multiplies matrices of bfloat16 in tiles (AMX)."""
    there = library()
    return there is not None and there.tiles_ready() == 1


def call(name: str, *arguments: Tensor | int | float | None) -> None:
    """Call a kernel."""
    getattr(library(), name)(*map(_converted, arguments))


def last(images: Tensor) -> Tensor:
    """Lay out images (N, C, H, W) as kernels read them: (N, H, W, C)."""
    return images.permute(0, 2, 3, 1).contiguous()


def _converted(argument: Tensor | int | float | None) -> object:
    if isinstance(argument, int):
        return ctypes.c_ssize_t(argument)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    return ctypes.c_void_p(None if argument is None else argument.data_ptr())
