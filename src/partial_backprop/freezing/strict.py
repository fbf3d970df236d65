"""Freeze weights: zero their gradients and, in strict mode, put their values back by the bit.

Masks of bytes are slow on a processor, and one kernel a tensor is slow on an accelerator. Both are
avoided by reading the bits of floats as integers of the same width and multiplying them by 0 or 1:
exact for every float, NaN and -0.0 included, vectorised, and one call for all tensors. On a processor
with one thread and a compiler, `frozen.c` does the same with masks of bytes, in half of the passes.
"""

import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from partial_backprop import c_library
from partial_backprop.layers import kernels

SOURCE = Path(__file__).with_name("frozen.c")
_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(values: Tensor) -> Tensor:
    """Read the bits of a tensor as integers of the same width."""
    return values.detach().view(_INTEGERS[values.element_size()])


class FrozenWeights:
    """The frozen entries of some parameters, in the form in which each step needs them."""

    # Memory: a byte for each entry (without the kernel, as much as the parameters' for factors), and as
    # much as the parameters' during a step for the values. Parameters without a frozen entry take none, and
    # no time.

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], active: Mapping[str, Tensor]
    ) -> None:
        self._names = [name for name, entries in active.items() if not bool(entries.all())]
        self._parameters = [parameters[name] for name in self._names]
        # Laid out in memory like the parameter, or the calls below fall back to one kernel each.
        self._active = [
            torch.empty_like(parameters[name], dtype=torch.bool).copy_(active[name])
            for name in self._names
        ]
        self._factors: list[Tensor] = []
        self._values: Sequence[Tensor] = ()
        self._values_are_whole = False

    @torch.no_grad()
    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0; parameters without one are passed over."""
        places = [i for i, parameter in enumerate(self._parameters) if parameter.grad is not None]
        gradients = [bits(self._parameters[i].grad) for i in places]
        if _have_kernel(gradients, active := [self._active[i] for i in places]):
            _call("zero", gradients, active)
        elif places:
            factors = self._as_factors()
            factors = [factors[i] for i in places]
            torch._foreach_addcmul_(gradients, gradients, factors, value=-1)

    @torch.no_grad()
    def note_values(self) -> None:
        """Note the values of the frozen entries as they are now."""
        values = [bits(parameter) for parameter in self._parameters]
        if _have_kernel(values, self._active):
            self._values, self._values_are_whole = [one.clone() for one in values], True
        elif values:
            self._values = torch._foreach_mul(values, self._as_factors())
            self._values_are_whole = False  # but 0 where active

    @torch.no_grad()
    def restore_values(self) -> None:
        """Put the noted values back, whatever has been written in their place."""
        # Zero gradients are not enough: momentum, weight decay and AMSGrad's running averages move a weight
        # whose gradient is 0.
        values = [bits(parameter) for parameter in self._parameters]
        if self._values and _have_kernel(values, self._active):
            _call("put_back", values, self._active, self._values)
        elif self._values:
            factors, noted = self._as_factors(), self._values
            if self._values_are_whole:
                noted = torch._foreach_mul(noted, factors)
            torch._foreach_addcmul_(values, values, factors, value=-1)
            torch._foreach_add_(values, noted)
        self._values = ()

    def differ(self, name: str, then: Tensor) -> bool:
        """Tell whether a frozen value is another than it was."""
        if name not in self._names:
            return False
        place = self._names.index(name)
        now, then, active = bits(self._parameters[place]), bits(then), self._active[place]
        if _have_kernel([now], [active], [then]):
            return bool(_call("differ", [now], [active], [then]))
        return bool(((now != then) & ~active).any())

    def _as_factors(self) -> list[Tensor]:
        """Return 1 where frozen and 0 elsewhere."""
        if not self._factors:
            self._factors = [
                torch.empty_like(bits(parameter)).copy_(~active)
                for parameter, active in zip(self._parameters, self._active, strict=True)
            ]
        return self._factors


def _have_kernel(*lists: Sequence[Tensor]) -> bool:
    """Tell whether `frozen.c` may pass over tensors: the lists' first ones lie alike in memory, and so on."""
    return (
        bool(lists[0])
        and torch.get_num_threads() == 1
        and kernels.suit(*(tensor for one in lists for tensor in one))
        and all(
            together[0].element_size() > 1
            and torch.ops.aten.is_non_overlapping_and_dense(together[0])
            and len({tensor.stride() for tensor in together}) == 1
            for together in zip(*lists, strict=True)
        )
        and c_library.load(SOURCE) is not None
    )


def _call(name: str, *lists: Sequence[Tensor]) -> int:
    """Call a function of `frozen.c` with tensors, their numbers of entries and their widths."""
    n = len(lists[0])
    pointers = [(ctypes.c_void_p * n)(*(one.data_ptr() for one in tensors)) for tensors in lists]
    sizes = (ctypes.c_ssize_t * n)(*(one.numel() for one in lists[0]))
    widths = (ctypes.c_ssize_t * n)(*(one.element_size() for one in lists[0]))
    return getattr(c_library.load(SOURCE), name)(ctypes.c_ssize_t(n), *pointers, sizes, widths)
