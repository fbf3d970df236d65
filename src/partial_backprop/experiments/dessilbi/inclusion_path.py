"""The inclusion path of a run of DessiLBI, read epoch by epoch (dessilbi2020)."""

import math
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.optim.dessilbi import DessiLBI
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.training import checkpoint
from partial_backprop.training.history import Row
from partial_backprop.training.loop import evaluate

FILE = "path.pt"
"""File with the weights before the first step and the masks of a path."""


class InclusionPath:
    """Reads the support of Γ, and what it is worth as a mask, after every epoch."""

    # Call `begin_epoch` before each epoch, and `read` after the last one. An epoch is read when the
    # next one begins, so that a checkpoint made in between has all that the reading needs.

    def __init__(self, context: TrainingContext, masks_after: tuple[int, ...] = ()) -> None:
        self._setting = context
        self._optimizer: DessiLBI = context.train_state.optimizer
        self._masks_after = masks_after
        named = {weight: name for name, weight in context.train_state.model.named_parameters()}
        self._weights = {named[weight]: weight for weight in self._optimizer.support()}
        self._epochs: list[dict[str, Any]] = []
        self._norms: dict[str, list[list[float]]] = {name: [] for name in self._weights}
        self._masks: dict[str, dict[str, Tensor]] = {}
        state = context.train_state.model.state_dict() if masks_after else {}
        self._initial = {name: tensor.cpu().clone() for name, tensor in state.items()}

    def begin_epoch(self, epoch: int) -> None:
        """Read the epoch before this one."""
        if epoch:
            self.read()

    def read(self) -> None:
        """Read the path after the last epoch that is finished."""
        context, optimizer = self._setting, self._optimizer
        support, norms = optimizer.support(), optimizer.gamma_norms()
        masks = {name: support[weight] for name, weight in self._weights.items()}
        with optimizer.sparse_model():
            sparse = {
                f"sparse_{split}": evaluate(
                    context.train_state.model, getattr(context.splits, split)
                )
                for split in ("validation", "test")
            }
        self._epochs.append(
            {
                "n_nonzero": [n_kept(mask, self._weights[name]) for name, mask in masks.items()],
                "n_entered": [int(mask.sum()) for mask in masks.values()],
                **_full(context.train_state.rows[-1]),
                **{name: score.count.model_dump() for name, score in sparse.items()},
            }
        )
        for name, weight in self._weights.items():
            length = norms[weight].flatten()
            # Six digits: as many as single precision has, and a third of the bytes.
            drawn = length[inclusion.drawn(len(length))].tolist()
            self._norms[name].append([float(f"{value:.6g}") for value in drawn])
        after = len(self._epochs)
        if after in self._masks_after:
            self._masks[str(after)] = {name: mask.cpu() for name, mask in masks.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return what has been read."""
        return {"epochs": self._epochs, "norms": self._norms, "masks": self._masks}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what had been read."""
        self._epochs, self._norms, self._masks = state["epochs"], state["norms"], state["masks"]

    def save_masks(self, folder: Path) -> None:
        """Write the initial weights and the masks, where masks were asked for."""
        if self._masks_after:
            checkpoint.save({"initial": self._initial, "masks": self._masks}, folder / FILE)

    def report(self) -> inclusion.InclusionReport:
        """Put together what was read."""
        order = self._optimizer.order()
        entered = {name: order[weight].flatten() for name, weight in self._weights.items()}
        layers = tuple(
            inclusion.Layer(
                name=name,
                groups=_kind(weight, order[weight]),
                n_weights=weight.numel(),
                n_groups=len(entered[name]),
            )
            for name, weight in self._weights.items()
        )
        paths = tuple(
            inclusion.Path(layer=one.name, drawn=inclusion.drawn(one.n_groups), norms=norms)
            for one, norms in zip(layers, self._norms.values(), strict=True)
        )
        first = None
        if layers[0].groups == "filters":
            name = layers[0].name
            filters = self._weights[name].detach()
            steps = entered[name].tolist()
            first = inclusion.FirstFilters(
                layer=name,
                shape=filters.shape[1:],
                entered_at_step=[None if math.isinf(step) else int(step) for step in steps],
                weights=filters.flatten(1).tolist(),
            )
        return inclusion.InclusionReport(
            layers=layers, epochs=self._epochs, paths=paths, first_filters=first
        )


def n_kept(mask: Tensor, weight: Tensor) -> int:
    """Count the weights that a mask keeps."""
    return int(mask.expand_as(weight).sum())


def _full(row: Row) -> dict[str, dict[str, int]]:
    return {
        f"full_{split}": {key: int(row[f"{split}_{key}"]) for key in ("n_correct", "n_examples")}
        for split in ("validation", "test")
    }


def _kind(weight: nn.Parameter, groups: Tensor) -> str:
    if weight.ndim > 2:
        return "filters"
    return "elements" if groups.shape == weight.shape else "rows"
