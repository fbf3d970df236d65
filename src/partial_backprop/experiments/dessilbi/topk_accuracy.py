"""How often the class is among the five largest outputs, as ImageNet counts."""

from typing import Any

import torch

from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.record import Count

_MANY = 100
"""Classes from which on five guesses are asked about."""


@torch.no_grad()
def topk_accuracy(context: TrainingContext, batch_size: int = 500) -> dict[str, Any]:
    """Count test images whose class is among the five largest outputs."""
    if context.data.n_classes < _MANY:
        return {}
    model, split = context.train_state.model.eval(), context.splits.test
    n_correct = 0
    for start in range(0, len(split), batch_size):
        images, labels = split.batch(slice(start, start + batch_size))
        guesses = model(images).topk(5).indices
        n_correct += int((guesses == labels[:, None]).sum())
    count = Count(n_correct=n_correct, n_examples=len(split))
    return {inclusion.TOP_FIVE: count.model_dump(mode="json")}
