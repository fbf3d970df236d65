"""What a criterion is given: gradients over some batches, and what it may want to know beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing.criterion import Gradients, transposed_weights

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""Layers whose inputs are measured."""

N_HEADS = ("num_heads", "num_attention_heads", "n_heads", "n_head")
"""Attributes that tell an attention layer's number of heads."""

BEFORE = ("q_proj", "k_proj", "v_proj", "query", "key", "value", "q_lin", "k_lin", "v_lin")
AFTER = ("out_proj", "o_proj", "out_lin")
"""Names of an attention layer's projections before the heads, by rows, and behind them, by columns."""

JOINT = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
"""Those of ``nn.MultiheadAttention`` where keys or values have another width than queries."""


@dataclass(frozen=True)
class HeadSlices:
    """Where the heads of an attention layer lie in one of its parameters."""

    layer: str
    n_heads: int
    axis: int = 0  # along which they follow each other
    n_parts: int = 1  # how often: 3 where queries, keys and values share a parameter

    def split(self, values: Tensor) -> Tensor:
        """Sort values by heads."""
        parts = values.movedim(self.axis, 0).unflatten(0, (self.n_parts, self.n_heads, -1))
        return parts.movedim(1, 0).flatten(1)

    def spread(self, active: Tensor, shape: torch.Size) -> Tensor:
        """Write each head's verdict to its entries."""
        size = shape[self.axis] // (self.n_parts * self.n_heads)
        along = active[None, :, None].expand(self.n_parts, -1, size).flatten()
        along = along.view([-1 if axis == self.axis else 1 for axis in range(len(shape))])
        return along.expand(shape).clone()


def attention_heads(model: nn.Module) -> dict[str, HeadSlices]:
    """Find the parameters that belong to attention heads."""
    found = {}
    for layer, module in model.named_modules():
        n_heads = next((getattr(module, key) for key in N_HEADS if hasattr(module, key)), None)
        if not isinstance(n_heads, int):
            continue
        widths = [
            child.out_features
            for name, child in module.named_children()
            if name in BEFORE and isinstance(child, nn.Linear)
        ]
        joint = isinstance(module, nn.MultiheadAttention)
        width = module.embed_dim if joint else max(widths, default=0)
        for name, parameter in module.named_parameters():
            child, _, kind = name.rpartition(".")
            full = f"{layer}.{name}".removeprefix(".")
            if joint and name in ("in_proj_weight", "in_proj_bias"):
                found[full] = HeadSlices(layer, n_heads, n_parts=3)
            elif (joint and name in JOINT) or (child in BEFORE and len(parameter) == width):
                found[full] = HeadSlices(layer, n_heads)
            elif child in AFTER and kind == "weight" and width and parameter.shape[1] == width:
                found[full] = HeadSlices(layer, n_heads, axis=1)
    return found


class BatchGatherer:
    """Gathers what a mask is made of over several batches, and suppresses the steps between them.

    Until the last batch is there the optimizer sees no gradient: it changes no weight and makes no state.
    """

    def __init__(
        self, model: nn.Module, n_batches: int, needs: frozenset[str], group: Any = None
    ) -> None:
        if n_batches < 1:
            raise UserError(f"mask_batches must be at least 1, got {n_batches}")
        self._model, self._n_batches, self._needs = model, n_batches, needs
        self._group = group  # of processes that train together, whose masks have to agree
        self._hooks: list[Any] = []
        self._hidden: dict[nn.Parameter, Tensor] = {}
        self._clear()

    def _clear(self) -> None:
        self._is_added = False
        self._n_added = 0
        self._sums: dict[str, Tensor] = {}
        self._squares: dict[str, Tensor] = {}
        self._inputs: dict[nn.Parameter, tuple[Tensor, int]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Copy it without hooks, which are the layers' own, and without other processes."""
        return self.__dict__ | {"_hooks": [], "_group": None}

    def watch(self) -> None:
        """Measure inputs of layers in training from now on, where the criterion needs them."""
        if "inputs" in self._needs and not self._hooks:
            self._hooks = [
                module.register_forward_pre_hook(self._measure)
                for module in self._model.modules()
                if isinstance(module, LAYERS)
            ]

    def stop(self) -> None:
        """Forget what was gathered."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._clear()

    @property
    def suppresses_step(self) -> bool:
        """Whether the next step is one of a batch before the last."""
        return self._is_added and 0 < self._n_added < self._n_batches

    def add(self, gradients: Mapping[str, Tensor]) -> bool:
        """Add the gradients of a step, once."""
        if not self._is_added:
            self._is_added = True
            self._n_added += 1
            if self._n_batches > 1:
                for name, gradient in gradients.items():
                    _add(self._sums, name, gradient)
                    if "squares" in self._needs:
                        _add(self._squares, name, gradient.abs().square())
        return self._n_added >= self._n_batches

    def finish(
        self, gradients: Mapping[str, Tensor], parameters: Mapping[str, Tensor]
    ) -> Gradients:
        """Return what was gathered, and forget it."""
        names = {parameter: name for name, parameter in parameters.items()}
        n = self._n_batches
        means = {name: total / n for name, total in self._sums.items()} if n > 1 else gradients
        squares = {name: total / n for name, total in self._squares.items()} or None
        if self._group is not None:
            self._add_up_inputs()
        inputs = {
            names[weight]: _by_weight(weight, (total / max(count, 1)).sqrt())
            for weight, (total, count) in self._inputs.items()
            if weight in names
        }
        self.stop()
        return Gradients(
            means,
            transposed_weights(self._model),
            weights=parameters,
            squares=squares,
            inputs=inputs if "inputs" in self._needs else None,
            heads=attention_heads(self._model),
        )

    def _add_up_inputs(self) -> None:
        for weight, (total, count) in self._inputs.items():
            together = torch.cat([total.double(), total.new_tensor([count]).double()])
            torch.distributed.all_reduce(together, group=self._group)
            self._inputs[weight] = together[:-1].float(), int(together[-1])

    def hide_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Hide all gradients, so that an optimizer's step does nothing."""
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._hidden[parameter], parameter.grad = parameter.grad, None

    def after_step(self) -> None:
        """Put hidden gradients back: the next step's are others."""
        for parameter, gradient in self._hidden.items():
            parameter.grad = gradient
        self._hidden, self._is_added = {}, False

    @torch.no_grad()
    def _measure(self, module: nn.Module, given: tuple[Any, ...]) -> None:
        if not (module.training and given and isinstance(given[0], Tensor)):
            return
        values = given[0].detach().float()
        axis = values.dim() - 1
        if not isinstance(module, nn.Linear):
            axis -= module.weight.dim() - 2  # channels lie before the places
        total = values.square().sum([one for one in range(values.dim()) if one != axis])
        before, count = self._inputs.get(module.weight, (0.0, 0))
        n_values = values.numel() // max(values.shape[axis], 1)
        self._inputs[module.weight] = before + total, count + n_values


def _add(sums: dict[str, Tensor], name: str, values: Tensor) -> None:
    if name in sums:
        sums[name] += values
    else:
        wide = values.dtype if values.element_size() >= 4 else torch.float32
        sums[name] = values.detach().to(wide, copy=True)


def _by_weight(weight: Tensor, sizes: Tensor) -> Tensor:
    """Write the size of each input channel so that it meets the weights that multiply it."""
    n_outputs, n_inputs = weight.shape[:2]
    groups = len(sizes) // n_inputs  # group by group of outputs, each with inputs of its own
    rows = sizes.view(groups, n_inputs).repeat_interleave(n_outputs // groups, 0)
    return rows.view(n_outputs, n_inputs, *[1] * (weight.dim() - 2))
