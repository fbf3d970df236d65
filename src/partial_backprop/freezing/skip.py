"""Leave out what frozen filters make needless: their weight gradients, and early layers' backward.

A layer's backward pass has two halves: the gradient of its input, which earlier layers need whole, and
the gradient of its weights, of which only active filters' are needed. N: batch, C: input channels,
F: filters.
"""

import copyreg
from collections.abc import Mapping
from typing import Any, SupportsIndex

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from partial_backprop.freezing.processes import is_distributed
from partial_backprop.layers.autocast import as_autocast_would, without_autocast
from partial_backprop.layers.convolution import Conv2d, convolve


class _Linear(torch.autograd.Function):
    """A linear layer that computes the weight gradients of some of its units."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, rows: Tensor
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight, rows)
        return F.linear(inputs, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight, rows = ctx.saved_tensors
        of_inputs = gradient @ weight if ctx.needs_input_grad[0] else None
        table = gradient.reshape(-1, gradient.shape[-1])
        of_bias = table.sum(0) if ctx.needs_input_grad[2] else None
        of_active = table.index_select(1, rows).T @ inputs.reshape(-1, inputs.shape[-1])
        of_weight = torch.zeros_like(weight).index_copy_(0, rows, of_active)
        return of_inputs, of_weight, of_bias, None


class _Skipping:
    """A layer some of whose filters are frozen; see `SkippedFilters`."""

    plain: type[nn.Module]
    """What the layer was before, and what copies of it are."""
    active_filters: Tensor

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple:
        """Copy and pickle it as a plain layer."""
        state = {key: value for key, value in self.__dict__.items() if key != "active_filters"}
        return copyreg.__newobj__, (self.plain,), state  # type: ignore[attr-defined]


class _SkippingTorchConv2d(_Skipping, nn.Conv2d):
    """A convolution some of whose filters are frozen; see `SkippedFilters`."""

    plain = nn.Conv2d

    def forward(self, images: Tensor) -> Tensor:
        """Convolve."""
        if not torch.is_grad_enabled() or images.dim() == 3:
            return super().forward(images)
        geometry = self.stride, self.padding, self.dilation, self.groups
        rows = self.active_filters.to(images.device)
        by_torch = self.plain is nn.Conv2d
        return convolve(images, self.weight, self.bias, geometry, rows, by_torch=by_torch)


class _SkippingConv2d(_SkippingTorchConv2d, Conv2d):
    """The same for a convolution of ours."""

    plain = Conv2d


class _SkippingLinear(_Skipping, nn.Linear):
    """A linear layer some of whose units are frozen; see `SkippedFilters`."""

    plain = nn.Linear

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the layer."""
        if not torch.is_grad_enabled():
            return super().forward(inputs)
        rows = self.active_filters.to(inputs.device)
        given = as_autocast_would(inputs, self.weight, self.bias)
        with without_autocast(inputs.device):
            return _Linear.apply(*given, rows)


SKIPPING: dict[type[nn.Module], type[nn.Module]] = {
    one.plain: one for one in (_SkippingTorchConv2d, _SkippingConv2d, _SkippingLinear)
}
"""Class of a layer -> the class that leaves out frozen filters. Exact types: what a class derived from
these does in its forward is not known; one with a ``forward`` of its own adds a `_Skipping` of its own."""


class SkippedFilters:
    """Layers of a network that compute no weight gradients of filters frozen whole."""

    # Parameters without an active entry require no gradient meanwhile; where all parameters up to some
    # layer are frozen, autograd therefore stops behind it. Layers of class ``nn.Conv2d`` or
    # `layers.convolution.Conv2d` (with zero padding given in numbers, and one group) and ``nn.Linear`` with
    # some frozen filters change their class to one that leaves out the rest (`SKIPPING`); their gradients
    # of frozen filters are 0. All other layers work as ever, and copies of a network do.
    #
    # Where several processes train together, parameters without an active entry require their gradients all
    # the same: ``DistributedDataParallel`` waits for every one that it has seen at its making.
    #
    # Gradients of active filters are the same sums, added up in another order by the kernels.

    def __init__(self, model: nn.Module, mask: Mapping[str, Tensor]) -> None:
        parameters = dict(model.named_parameters())
        self._still = [
            parameters[name]
            for name, active in mask.items()
            if parameters[name].requires_grad and not bool(active.any()) and not is_distributed()
        ]
        for parameter in self._still:
            parameter.requires_grad_(False)
        active_of = {parameters[name]: active for name, active in mask.items()}
        self._changed: list[tuple[nn.Module, type]] = []
        for module in model.modules():
            skipping = _skipping(module)
            if skipping is None or module.weight not in active_of:
                continue
            active = active_of[module.weight].flatten(1).any(1)
            if 0 < int(active.sum()) < len(active):
                self._changed.append((module, type(module)))
                module.active_filters = active.nonzero().flatten()
                module.__class__ = skipping

    def remove(self) -> None:
        """Restore the network."""
        for parameter in self._still:
            parameter.requires_grad_(True)
        for module, kind in self._changed:
            if type(module) is not kind:  # a copy is plain already
                module.__class__ = kind
                del module.active_filters
        self._still, self._changed = [], []


def _skipping(module: nn.Module) -> type[nn.Module] | None:
    if isinstance(module, nn.Conv2d) and (
        module.groups != 1 or module.padding_mode != "zeros" or isinstance(module.padding, str)
    ):
        return None
    return SKIPPING.get(type(module))
