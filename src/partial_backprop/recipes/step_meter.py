"""What a training step costs: seconds, and bytes by what they are for."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from partial_backprop.training.loop import TrainState


def tensor_bytes(tensors: Iterable[Tensor]) -> int:
    """Count the bytes of some tensors' elements."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def state_bytes(optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Count the bytes that an optimizer keeps from step to step."""
    found: dict[str, int] = {}
    for state in optimizer.state.values():
        for name, value in state.items():
            if isinstance(value, Tensor):
                found[name] = found.get(name, 0) + tensor_bytes([value])
    return found


def activation_bytes(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """Count the bytes that the forward pass keeps for the backward pass."""
    # Shapes: images (batch, channels, height, width), labels (batch,)
    own = {_memory(tensor) for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        if _memory(tensor) not in own:
            kept[_memory(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        # The loss holds the graph, and the graph what was kept, so that no memory is used twice.
        loss = F.cross_entropy(model(images), labels)
    total = sum(kept.values())
    del loss
    return total


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def step(train_state: TrainState, images: Tensor, labels: Tensor) -> dict[str, float | None]:
    """Make one training step and measure it."""
    # Shapes: images (batch, channels, height, width), labels (batch,)
    # On one thread of a processor the seconds are those that it spent on this process, so that
    # other processes count little; elsewhere they are those on the wall
    on_cuda = images.device.type == "cuda"
    alone = not on_cuda and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    train_state.optimizer.zero_grad(set_to_none=True)
    before = 0
    if on_cuda:
        torch.cuda.synchronize(images.device)
        torch.cuda.reset_peak_memory_stats(images.device)
        before = torch.cuda.memory_allocated(images.device)
    started = clock()
    F.cross_entropy(train_state.model(images), labels).backward()
    if on_cuda:
        torch.cuda.synchronize(images.device)
    passed = clock()
    train_state.optimizer.step()
    if on_cuda:
        torch.cuda.synchronize(images.device)
    ended = clock()
    extra = torch.cuda.max_memory_allocated(images.device) - before if on_cuda else None
    return {"step_s": ended - started, "update_s": ended - passed, "extra_bytes": extra}


def interleave(
    train_states: Mapping[str, TrainState],
    images: Tensor,
    labels: Tensor,
    *,
    rounds: int,
    warm_up: int,
) -> list[dict[str, Any]]:
    """Measure steps of several trainees in turn."""
    # Shapes: images (batch, channels, height, width), labels (batch,)
    names = list(train_states)
    for train_state in train_states.values():
        for _ in range(warm_up):
            step(train_state, images, labels)
    return [
        {"round": number, "optimizer": name} | step(train_states[name], images, labels)
        for number in range(rounds)
        for name in names[number % len(names) :] + names[: number % len(names)]
    ]
