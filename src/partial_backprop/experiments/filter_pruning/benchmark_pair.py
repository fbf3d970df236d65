"""How long two networks take on the same images, measured in turns."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

_WARM_UP = 3


def paired_times(
    first: nn.Module, second: nn.Module, images: Tensor, *, n_pairs: int = 31
) -> list[tuple[float, float]]:
    """Time two networks side by side."""
    # Shapes: images (batch, channels, height, width)
    runs = [_forward(model.eval(), images) for model in (first, second)]
    for run in runs * _WARM_UP:
        run()
    pairs = []
    for number in range(n_pairs):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        seconds = {which: _seconds(runs[which], images.device) for which in order}
        pairs.append((seconds[0] / len(images), seconds[1] / len(images)))
    return pairs


def _forward(model: nn.Module, images: Tensor) -> Callable[[], None]:
    @torch.inference_mode()
    def run() -> None:
        model(images)

    return run


def _seconds(run: Callable[[], None], device: torch.device) -> float:
    _wait(device)
    started = time.perf_counter()
    run()
    _wait(device)
    return time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
