"""How a network computes: in float32, in TF32, or in bfloat16 where that does no harm.

``float32`` is IEEE single precision throughout. ``tf32`` rounds the factors of matrix products and
convolutions to 10 bits of fraction on CUDA devices, and changes nothing on a processor. ``bf16`` lets
torch's autocast run these in bfloat16, which has 8 bits of precision and the range of float32, so that
gradients need no scaling. Weights, gradients, the optimizer's state and the loss are float32 in all three.

An evaluation uses the precision of the training: what is measured is the effect of the whole.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from partial_backprop.run_config import Precision

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux tells what a processor can do."""


class Bf16Instructions(NamedTuple):
    """Whether a processor multiplies matrices in bfloat16; None where that is not known."""

    amx_bf16: bool | None = None
    avx512_bf16: bool | None = None


def bf16_instructions() -> Bf16Instructions:
    """Ask torch, or else Linux, for this processor's bfloat16 instructions."""
    # Torch 2.11 does not tell.
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    if "avx512_bf16" not in capabilities:
        capabilities = _capabilities_of_linux()
    return Bf16Instructions(*map(capabilities.get, Bf16Instructions._fields))


def _capabilities_of_linux() -> dict[str, bool]:
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    flags = next((line.split() for line in lines if line.startswith("flags")), None)
    return {} if flags is None else {name: name in flags for name in Bf16Instructions._fields}


def bf16_warning(precision: "Precision", device: torch.device) -> str | None:
    """Warn of bfloat16 on a processor that only emulates it."""
    if precision != "bf16" or device.type != "cpu":
        return None
    found = bf16_instructions()
    if any(found):
        return None
    if None in found:
        return (
            "warning: precision bf16 is slower than float32 on a processor without bfloat16 "
            "instructions, and whether this one has them is unknown"
        )
    return (
        "warning: precision bf16 is slower than float32 on this processor, which has neither AMX "
        "nor AVX512_BF16: use precision float32 for speed"
    )


def autocast(precision: "Precision", device: torch.device) -> AbstractContextManager:
    """Let a forward pass run in a precision."""
    if precision != "bf16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def arithmetic(precision: "Precision", device: torch.device) -> AbstractContextManager:
    """Choose how matrix products and convolutions of float32 tensors are computed."""
    # Left alone, torch computes convolutions on CUDA devices in TF32 and matrix products in
    # float32. Here ``float32`` is float32 for both.
    if device.type != "cuda":
        return nullcontext()
    return _switched("tf32" if precision == "tf32" else "ieee")


@contextmanager
def _switched(name: str) -> Iterator[None]:
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    before = [switch.fp32_precision for switch in switches]
    try:
        for switch in switches:
            switch.fp32_precision = name
        yield
    finally:
        for switch, found in zip(switches, before, strict=True):
            switch.fp32_precision = found
