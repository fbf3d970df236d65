"""What is measured of a network whose filters were pruned, for its record (pruning_logs)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.measurements.filters import FiltersReport, Scored
from partial_backprop.pruning.cost import size
from partial_backprop.pruning.filters import count
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.record import Count
from partial_backprop.training.batches import DeviceSplit
from partial_backprop.training.loop import evaluate
from partial_backprop.training.seeding import derive

_COMPARED = 500
"""Test images on which the outputs of the two networks are compared."""


@dataclass(frozen=True)
class _Augmented:
    """A split whose batches are shifted and mirrored at random, for `evaluate`."""

    split: DeviceSplit  # the images as they are
    augment: Callable[[Tensor], Tensor]  # from a batch of images to those to look at

    @property
    def labels(self) -> Tensor:
        return self.split.labels

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, indices: slice) -> tuple[Tensor, Tensor]:
        images, labels = self.split.batch(indices)
        return self.augment(images), labels


def scores(
    context: TrainingContext, augment: Callable[[Tensor], Tensor], seed: int
) -> dict[str, Scored]:
    """Score a network on the test set, and on what the source's script calls so."""
    torch.manual_seed(derive(seed, "augmented test"))
    splits = {
        "test": context.splits.test,
        "augmented_train": _Augmented(context.splits.train, augment),
    }
    found = {name: evaluate(context.train_state.model, split) for name, split in splits.items()}
    return {name: Scored(loss=score.loss, count=score.count) for name, score in found.items()}


def measure(
    context: TrainingContext, smaller: nn.Module, threshold: float, scored: dict[str, Scored]
) -> FiltersReport:
    """Count zeros, and set a network beside the smaller one."""
    model, shape = context.train_state.model, context.data.image_shape
    return FiltersReport(
        threshold=threshold,
        tensors=count(model, threshold),
        whole=size(model, shape),
        small=size(smaller, shape),
        **scored,
        **_best(context),
        **_compared(model, smaller, context.splits.test),
    )


def _best(context: TrainingContext) -> dict[str, Count]:
    """Find the best epoch on the training and on the test images."""
    best = {}
    for split in ("train", "test"):
        row = max(context.train_state.rows, key=lambda row, split=split: row[f"{split}_n_correct"])
        best[f"best_{split}"] = Count(
            n_correct=int(row[f"{split}_n_correct"]), n_examples=int(row[f"{split}_n_examples"])
        )
    return best


@torch.no_grad()
def _compared(whole: nn.Module, smaller: nn.Module, split: DeviceSplit) -> dict[str, Any]:
    """Set the outputs of both networks on one batch, and the smaller one's accuracy, side by side."""
    images, _ = split.batch(slice(_COMPARED))
    outputs = whole.eval()(images)
    score = evaluate(smaller.eval(), split)
    return {
        "small_test": score.count,
        "largest_difference": float((outputs - smaller(images)).abs().max()),
        "largest_output": float(outputs.abs().max()),
    }
