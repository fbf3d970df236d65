"""Hold frozen weights: zero their gradients and, in strict mode, put their values back by the bit.

Masks of bytes are slow on a processor, and one kernel a tensor is slow on an accelerator. Both are
avoided by reading the bits of floats as integers of the same width and multiplying them by 0 or 1:
exact for every float, NaN and -0.0 included, vectorised, and one call for all tensors.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(values: Tensor) -> Tensor:
    """Read the bits of a tensor as integers of the same width.

    Parameters
    ----------
    values : Tensor of any shape
        Floating-point or complex values of at most 8 bytes each.

    Returns
    -------
    Tensor of the same shape
        A view on the same memory.
    """
    return values.detach().view(_INTEGERS[values.element_size()])


class FrozenWeights:
    """The frozen entries of some parameters, in the form in which each step needs them.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        The parameters by name.
    active : mapping of str to Tensor
        For each, a boolean tensor of its shape: True where active.

    Notes
    -----
    Memory: as much as the parameters' for the factors, and as much again during a step for the values.
    Parameters without a frozen entry take none, and no time.
    """

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], active: Mapping[str, Tensor]
    ) -> None:
        names = [name for name, entries in active.items() if not bool(entries.all())]
        self._parameters = [parameters[name] for name in names]
        # 1 where frozen. Laid out in memory like the parameter, or the calls below fall back to one
        # kernel each.
        self._factors = [
            torch.empty_like(bits(parameters[name])).copy_(~active[name]) for name in names
        ]
        self._values: tuple[Tensor, ...] = ()

    @torch.no_grad()
    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0; parameters without one are passed over."""
        pairs = [
            (bits(parameter.grad), factor)
            for parameter, factor in zip(self._parameters, self._factors, strict=True)
            if parameter.grad is not None
        ]
        if pairs:
            gradients, factors = zip(*pairs, strict=True)
            torch._foreach_addcmul_(gradients, gradients, factors, value=-1)

    @torch.no_grad()
    def note_values(self) -> None:
        """Note the values of the frozen entries as they are now."""
        if self._parameters:
            self._values = torch._foreach_mul([bits(p) for p in self._parameters], self._factors)

    @torch.no_grad()
    def restore_values(self) -> None:
        """Put the noted values back, whatever has been written in their place.

        Notes
        -----
        Zero gradients are not enough: momentum, weight decay and AMSGrad's running averages move a
        weight whose gradient is 0.
        """
        if self._values:
            values = [bits(parameter) for parameter in self._parameters]
            torch._foreach_addcmul_(values, values, self._factors, value=-1)
            torch._foreach_add_(values, self._values)
            self._values = ()
