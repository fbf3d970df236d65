"""How a network computes: in float32, in TF32, or in bfloat16 where that does no harm.

``float32`` is IEEE single precision throughout. ``tf32`` rounds the factors of matrix products and
convolutions to 10 bits of fraction on CUDA devices, and changes nothing on a processor. ``bf16`` lets
torch's autocast run these in bfloat16, which has 8 bits of precision and the range of float32, so that
gradients need no scaling. Weights, gradients, the optimizer's state and the loss are float32 in all three.

An evaluation uses the precision of the training: what is measured is the effect of the whole.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from partial_backprop.run_config import Precision


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager:
    """Let a forward pass run in a precision.

    Parameters
    ----------
    precision : {"float32", "tf32", "bf16"}
        How it computes.
    device : torch.device
        Where it runs.

    Returns
    -------
    context manager
        For the forward pass alone: the loss is computed outside, from ``logits.float()``, and the
        backward pass follows the forward pass by itself.
    """
    if precision != "bf16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def arithmetic(precision: Precision, device: torch.device) -> AbstractContextManager:
    """Choose how matrix products and convolutions of float32 tensors are computed.

    Parameters
    ----------
    precision : {"float32", "tf32", "bf16"}
        How the network computes.
    device : torch.device
        Where it runs.

    Returns
    -------
    context manager
        For forward and backward pass. It puts back what it found, as the switches are torch's own and
        hold for the whole process; on a processor it does nothing.

    Notes
    -----
    Left alone, torch computes convolutions on CUDA devices in TF32 and matrix products in float32. Here
    ``float32`` is float32 for both.
    """
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
