"""What a criterion is, and what it is given."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop import registry
from partial_backprop.errors import UserError
from partial_backprop.mask import Mask


class Gradients(dict[str, Tensor]):
    """Gradients by parameter name, and what a criterion may want to know of the parameters.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name: means over the batches that make the mask.
    transposed : mapping of str to int, optional
        Name of each weight of a transposed convolution -> its number of groups. Its output filters lie
        along the second axis, within each group of the first.
    weights : mapping of str to Tensor, optional
        Parameters by name, to be read.
    squares : mapping of str to Tensor, optional
        Means of squared gradients over the batches; None where none were asked for, or one made the mask.
    inputs : mapping of str to Tensor, optional
        Name of each weight of a linear or convolutional layer -> root mean square of the input that each
        of its entries multiplies, in a shape that broadcasts to the weight's; None where none were asked for.
    heads : mapping of str to gathering.HeadSlices, optional
        Name of each parameter of an attention layer -> where the heads lie.
    """

    def __init__(
        self,
        gradients: Mapping[str, Tensor],
        transposed: Mapping[str, int] | None = None,
        weights: Mapping[str, Tensor] | None = None,
        squares: Mapping[str, Tensor] | None = None,
        inputs: Mapping[str, Tensor] | None = None,
        heads: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(gradients)
        self.transposed = dict(transposed or {})
        self.weights, self.squares, self.inputs, self.heads = weights, squares, inputs, heads


Criterion = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""From gradients by parameter name to a `Mask`: True where a weight stays active."""


def as_callable(
    criterion: Criterion | str | Mapping[str, Any], optimizer: torch.optim.Optimizer | None = None
) -> Criterion:
    """Turn whatever names a criterion into the criterion."""
    if callable(criterion):
        return criterion
    named = {"name": criterion} if isinstance(criterion, str) else criterion
    options = registry.resolve("freezing", named)
    function = registry.load("freezing", options.pop("name"))
    if options.get("seed", 0) is None:
        raise UserError(f"criterion {named['name']!r} needs a seed here: give it a number")
    if optimizer is None or _at_rate(options, 0.0) == options:
        return functools.partial(function, **options)

    def at_current_rate(gradients: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        rate = float(optimizer.param_groups[0]["lr"])
        return function(gradients, **_at_rate(options, rate))

    return at_current_rate


def _at_rate(options: Mapping[str, Any], rate: float) -> dict[str, Any]:
    """Fill in the learning rate where it is None, in the criterion of an option ``like`` too."""
    filled = dict(options)
    for key, value in options.items():
        if isinstance(value, Mapping):
            filled[key] = _at_rate(value, rate)
        elif key == "learning_rate" and value is None:
            filled[key] = rate
    return filled


def transposed_weights(model: nn.Module) -> dict[str, int]:
    """Find the weights of transposed convolutions."""
    kinds = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return {
        f"{name}.weight".removeprefix("."): module.groups
        for name, module in model.named_modules()
        if isinstance(module, kinds)
    }


def are_finite(gradients: Mapping[str, Tensor]) -> bool:
    """Tell whether a mask may be made of gradients, or a step is better skipped."""
    return all(bool(torch.isfinite(g).all()) for g in gradients.values() if not g.is_sparse)


def check_gradients(gradients: Mapping[str, Tensor], where: str) -> None:
    """Refuse gradients of which no mask can be made."""
    if not gradients:
        raise UserError(f"{where}: there are no gradients; call backward() before step()")
    for name, gradient in gradients.items():
        if gradient.layout != torch.strided:
            raise UserError(f"{where}: the gradient of {name!r} is sparse; use dense ones")
        if gradient.element_size() > 8:
            raise UserError(f"{where}: {name!r} is of type {gradient.dtype}; use complex64")
        if not bool(torch.isfinite(gradient).all()):
            raise UserError(
                f"{where}: the gradient of {name!r} is NaN or infinite; lower the learning rate"
            )


def make_mask(criterion: Criterion, gradients: Mapping[str, Tensor], where: str) -> Mask:
    """Make a mask of gradients."""
    check_gradients(gradients, where)
    try:
        mask = criterion(gradients)
        mask = mask if isinstance(mask, Mask) else Mask(mask)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from error
    shapes = {name: entries.shape for name, entries in mask.items()}
    if shapes != {name: gradient.shape for name, gradient in gradients.items()}:
        raise UserError(
            f"{where}: the criterion's mask differs from the gradients in names or shapes"
        )
    return mask


def trainable(
    model: nn.Module, optimizer: torch.optim.Optimizer, frozen_too: bool = False
) -> dict[str, nn.Parameter]:
    """Return the parameters that a mask may cover, by name; a tied weight once, under its first name."""
    optimized = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    found = {
        name: parameter
        for name, parameter in model.named_parameters()
        if (parameter.requires_grad or frozen_too) and id(parameter) in optimized
    }
    if not found:
        raise UserError(
            "the optimizer has none of the model's trainable parameters: "
            "build it from model.parameters() of this very model"
        )
    for name, parameter in found.items():
        # A DTensor, as of fully_shard; or a part of FullyShardedDataParallel's flat parameter.
        if hasattr(parameter, "device_mesh") or "_fsdp_wrapped_module" in name.split("."):
            raise UserError(
                f"parameter {name!r} is spread over processes (fully_shard, FSDP, tensor parallelism), and "
                "a mask needs whole ones: train with DistributedDataParallel"
            )
    return found
