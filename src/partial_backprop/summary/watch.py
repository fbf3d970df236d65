"""Hooks that write down which layers of a network are called, on what, in which order.

Hooks see modules and no functions: what a network computes between its modules (sums of residuals,
concatenations, ``F.relu``) has no row, and a note says where that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.hooks import RemovableHandle

from partial_backprop.summary import vocabulary
from partial_backprop.summary.layouts import Layouts, tensors


@dataclass
class Called:
    """A module that was called, and what came of it."""

    name: str  # name in the network
    module: nn.Module  # the module
    # of the output of each call; None where it is no single tensor
    shapes: list[torch.Size | None] = field(default_factory=list)
    # axis of the channels of each; None where nothing tells it
    axes: list[int | None] = field(default_factory=list)
    activation: str | None = None  # class of the activation that took its output


@dataclass
class Trace:
    """One pass through a network."""

    # layers, in the order of their first call
    called: dict[nn.Module, Called] = field(default_factory=dict)
    # activations that became a part of the layer before them
    folded: set[nn.Module] = field(default_factory=set)
    # layers that took a tensor which neither a layer nor the caller had made
    after_functions: list[nn.Module] = field(default_factory=list)
    output_is_computed: bool = False  # whether the network's own output is such a tensor


def layers_of(model: nn.Module) -> dict[nn.Module, str]:
    """Find the modules that are rows of a summary if they are called."""
    inside = {
        part
        for module in model.modules()
        if is_parametrized(module)
        for part in module.modules()
        if part is not module
    }
    return {
        module: name
        for name, module in model.named_modules()
        if module not in inside
        and _is_called(module)
        and (is_parametrized(module) or not any(map(_is_called, list(module.modules())[1:])))
    }


def _is_called(module: nn.Module) -> bool:
    return is_parametrized(module) or type(module).forward is not nn.Module.forward


class Watch:
    """Writes a trace down while a network runs."""

    # A module that has modules inside and calls none of them computes with their weights itself, as
    # attention does: it is a row of its own. If there is only one inside, that one is the row.

    def __init__(self, model: nn.Module, examples: Sequence[Tensor], layouts: Layouts) -> None:
        self.trace = Trace()
        self._layouts = layouts
        self._layers = layers_of(model)
        self._names = {module: name for name, module in model.named_modules()}
        self._calls_inside: list[bool] = []
        # Tensors are told apart by identity, so all of them are kept to the end.
        self._made: dict[int, tuple[Tensor, nn.Module | None]] = {
            id(example): (example, None) for example in examples
        }

    def hooks(self) -> list[RemovableHandle]:
        """Hook every layer and every module around layers."""
        around = {
            module
            for module in self._names
            if any(part in self._layers for part in module.modules())
        }
        return [
            hook
            for module in around
            for hook in (
                module.register_forward_pre_hook(self._before),
                module.register_forward_hook(self._after, with_kwargs=True),
            )
        ]

    def is_new(self, found: list[Tensor]) -> bool:
        """Tell whether a tensor was made neither by a layer nor by the caller."""
        return any(id(one) not in self._made for one in found)

    def _before(self, module: nn.Module, inputs: object) -> None:
        self._calls_inside.append(False)

    def _after(self, module: nn.Module, inputs: object, keywords: object, output: object) -> None:
        calls_inside = self._calls_inside.pop()
        if self._calls_inside:
            self._calls_inside[-1] = True
        if module not in self._layers:
            if calls_inside:
                return
            inside = list(layers_of(module))
            weights = [len(list(vocabulary.own_weights(one))) for one in (module, inside[0])]
            module = inside[0] if len(inside) == 1 and weights[0] == weights[1] else module
        self._record(module, tensors([inputs, keywords]), output)

    def _record(self, module: nn.Module, taken: list[Tensor], output: object) -> None:
        given = tensors(output)
        trace = self.trace
        if self.is_new(taken) and module not in trace.after_functions:
            trace.after_functions.append(module)
        before = self._made.get(id(taken[0]), (None, None))[1] if len(taken) == 1 else None
        folds = (
            before is not None
            and module not in trace.called
            and vocabulary.is_activation(module)
            and vocabulary.takes_activation(before)
        )
        if folds:
            trace.called[before].activation = type(module).__name__
            trace.folded.add(module)
        else:
            row = trace.called.setdefault(module, Called(self._names[module], module))
            shown = vocabulary.shown_output(module, output)
            if shown is not None:
                of_same_shape = [one for one in taken if one.shape == shown.shape]
                kept = self._layouts.axis(of_same_shape[0]) if of_same_shape else None
                axis = vocabulary.channel_axis(module, shown.ndim)
                self._layouts.note(shown, kept if axis is None else axis)
            row.shapes.append(None if shown is None else shown.shape)
            row.axes.append(None if shown is None else self._layouts.axis(shown))
        self._made.update({id(one): (one, module) for one in given})
