"""Write every kind of file that a pruned network may be kept in, and measure it."""

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.experiments.weight_pruning import results as sizes
from partial_backprop.recipes.context import TrainingContext
from partial_backprop.storage import sparse_file
from partial_backprop.storage.contents import float_masks, n_values, optimizer_state
from partial_backprop.storage.measure import as_torch_file, measure
from partial_backprop.training.batches import DeviceSplit


def measure_file(content: sizes.Content, state: Mapping[str, Any], folder: Path) -> sizes.File:
    """Write a ``state_dict``, with or without more, and measure the file."""
    file = sparse_file.to_bytes(state) if content == "sparse" else as_torch_file(state)
    found = measure(file, folder)
    return sizes.File(content=content, n_values=n_values(state), **found._asdict())


def measure_pruned(
    model: nn.Module, optimizer: torch.optim.Optimizer, kept: Mapping[str, Tensor]
) -> tuple[sizes.File, ...]:
    """Measure a pruned network with and without what only a training needs."""
    state, masks = dict(model.state_dict()), float_masks(kept)
    contents: dict[sizes.Content, Mapping[str, Any]] = {
        "training_state": {
            "weights": state, "masks": masks, "optimizer": optimizer_state(model, optimizer)
        },
        "training_state_masked": {
            "weights": state, "masks": masks, "optimizer": optimizer_state(model, optimizer, kept)
        },
        "masks": {"weights": state, "masks": masks},
        "weights": state,
        "sparse": state,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        return tuple(
            measure_file(name, content, Path(folder)) for name, content in contents.items()
        )


@torch.no_grad()
def n_same_outputs(context: TrainingContext, batch_size: int = 500) -> int:
    """Write the network to a sparse file, load it into another one, and compare their outputs."""
    model = context.train_state.model
    twin = copy.deepcopy(model)
    for tensor in twin.state_dict().values():
        tensor.fill_(1)  # so that missing tensors are detected
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.sparse"
        sparse_file.write(model.state_dict(), path)
        twin.load_state_dict(sparse_file.read(path))
    pair = model.eval(), twin.eval()
    test: DeviceSplit = context.splits.test
    n_same = 0
    for start in range(0, len(test), batch_size):
        images, _ = test.batch(slice(start, start + batch_size))
        one, other = (network(images).contiguous().view(torch.int32) for network in pair)
        n_same += int((one == other).all(1).sum())
    return n_same
