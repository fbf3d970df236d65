"""A stand-in for CUDA graphs: records some work without doing it, and does it when replayed."""

from collections.abc import Callable

import torch
from torch import nn

from partial_backprop.training.backward import Outcome
from partial_backprop.training.graphs import Capture


def capture_of(model: nn.Module) -> Capture:
    """What records the work of one network.

    As on a GPU, recording leaves no result, buffers of the network stay as they are, and every replay
    writes to the tensors that the recording made.
    """

    def capture(work: Callable[[], Outcome]) -> tuple[Callable[[], None], Outcome]:
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        outcome = work()
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        filled = [(one, one.grad) for one in model.parameters() if one.grad is not None]
        outcome.loss.fill_(float("nan"))
        outcome.n_correct.fill_(-1)
        for _, gradient in filled:
            gradient.fill_(float("nan"))

        def replay() -> None:
            for parameter, _ in filled:
                parameter.grad = None
            again = work()
            for parameter, gradient in filled:
                gradient.copy_(parameter.grad)
                parameter.grad = gradient
            for mine, found in zip(outcome, again, strict=True):
                mine.copy_(found)

        return replay, outcome

    return capture
