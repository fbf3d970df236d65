"""Record how the gradients of a batch are computed, and replay it: no kernel waits for Python.

A small network's step is made of hundreds of kernels of a few microseconds each, and asking for them one
by one takes longer than they do. A CUDA graph asks for all at once. Only forward and backward pass are
recorded: hooks and the optimizer run as ever, on the very tensors that the recording fills, so that masks
may come and go and the learning rate may change without a new recording.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from partial_backprop.run_config import Precision
from partial_backprop.training.backward import Outcome, backward, gradients
from partial_backprop.training.turns import random_state

Capture = Callable[[Callable[[], Outcome]], tuple[Callable[[], None], Outcome]]
"""From some work to what repeats it, and the tensors that each repetition fills anew."""

WARM_UP = 3
"""Batches that are computed kernel by kernel before a recording, in which libraries choose kernels."""


def cuda_graph(work: Callable[[], Outcome]) -> tuple[Callable[[], None], Outcome]:
    """Record work as a CUDA graph, without doing it.

    Parameters
    ----------
    work : callable
        Asks for kernels on the current stream, which must not be the default one.

    Returns
    -------
    replay : callable
        Asks for the same kernels on the same memory.
    outcome : Outcome
        Tensors that each replay fills.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
        outcome = work()
    return graph.replay, outcome


class _Recording(NamedTuple):
    """What repeats the work, and the tensors that it reads and fills.

    Parameters
    ----------
    images, labels : Tensor
        The batch that is read.
    replay : callable
        Repeats the work.
    outcome : Outcome
        Loss and correct predictions that are filled.
    gradients : list of (Parameter, Tensor)
        Gradients that are filled.
    """

    images: Tensor
    labels: Tensor
    replay: Callable[[], None]
    outcome: Outcome
    gradients: list[tuple[nn.Parameter, Tensor]]


class Replayed:
    """Gradients of batch after batch of one network, recorded once: a `backward.Gradients`.

    Parameters
    ----------
    capture : callable
        What records; `cuda_graph` on a CUDA device.
    warm_up : int
        Batches that are computed kernel by kernel before each recording; at least 1.

    Attributes
    ----------
    n_recorded, n_replayed : int
        How often was recorded, and how many batches came from a recording.
    why_not : str or None
        Why nothing is recorded any more.

    Notes
    -----
    Computed kernel by kernel, with the same numbers: batches of another size than the first, such as
    the last of an epoch; all batches of a network that draws random numbers (dropout), since a recording
    draws from where the generator stood; and all batches after a recording has failed.

    A recording is thrown away when the network's modules change class or mode, a parameter or buffer
    moves in memory or begins or stops to need a gradient, or the precision changes. What a module's
    ``forward`` reads besides tensors is not watched: do not use this for a network that does something
    else from step to step without changing class, or to which modules are added.
    """

    def __init__(self, capture: Capture = cuda_graph, warm_up: int = WARM_UP) -> None:
        if warm_up < 1:
            raise ValueError(f"warm_up must be 1 or more, got {warm_up}")
        self._capture, self._warm_up = capture, warm_up
        self._shape: torch.Size | None = None
        self._watched: tuple[list[nn.Module], list[nn.Parameter], list[Tensor]] | None = None
        self._pattern: tuple[Any, ...] | None = None
        self._n_alike = 0
        self._recording: _Recording | None = None
        self.n_recorded = self.n_replayed = 0
        self.why_not: str | None = None

    def __call__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        images: Tensor,
        labels: Tensor,
        precision: Precision,
    ) -> Outcome:
        """Compute the gradients of a batch.

        Parameters
        ----------
        model : nn.Module
            The network; the same one at each call.
        optimizer : torch.optim.Optimizer
            Its optimizer.
        images : Tensor of shape (batch, channels, height, width)
            What to train on.
        labels : Tensor of shape (batch,)
            Class indices.
        precision : {"float32", "tf32", "bf16"}
            How the network computes.

        Returns
        -------
        Outcome
            Loss and correct predictions.
        """
        batch = model, optimizer, images, labels, precision
        self._shape = self._shape or images.shape
        if self.why_not is not None or images.shape != self._shape:
            return gradients(*batch)
        self._watch(model, precision)
        if self._recording is None and self._n_alike < self._warm_up:
            return self._warm(*batch)
        if self._recording is None:
            try:
                self._recording = self._record(model, images, labels, precision)
            except RuntimeError as error:
                self.why_not = f"recording failed: {' '.join(str(error).split())[:200]}"
                model.zero_grad(set_to_none=True)
                return gradients(*batch)
        return self._replay(images, labels)

    def _watch(self, model: nn.Module, precision: Precision) -> None:
        if self._watched is None:
            self._watched = list(model.modules()), list(model.parameters()), list(model.buffers())
        modules, parameters, buffers = self._watched
        pattern = (
            precision,
            *[(type(module), module.training) for module in modules],
            *[(one.data_ptr(), one.requires_grad) for one in (*parameters, *buffers)],
        )
        if pattern != self._pattern:
            self._pattern, self._n_alike, self._recording = pattern, 0, None

    def _warm(self, *batch: Any) -> Outcome:
        self._n_alike += 1
        device = batch[2].device
        before = random_state(device)
        outcome = gradients(*batch)
        if not all(map(torch.equal, before, random_state(device))):
            self.why_not = "the network draws random numbers"
        return outcome

    def _record(
        self, model: nn.Module, images: Tensor, labels: Tensor, precision: Precision
    ) -> _Recording:
        # Without old gradients the backward pass writes new ones, and each replay the same memory again.
        model.zero_grad(set_to_none=True)
        images, labels = images.clone(), labels.clone()
        replay, outcome = self._capture(lambda: backward(model, images, labels, precision))
        filled = [(one, one.grad) for one in model.parameters() if one.grad is not None]
        self.n_recorded += 1
        return _Recording(images, labels, replay, outcome, filled)

    def _replay(self, images: Tensor, labels: Tensor) -> Outcome:
        recording = self._recording
        recording.images.copy_(images)
        recording.labels.copy_(labels)
        for parameter, gradient in recording.gradients:
            if parameter.grad is not gradient:
                parameter.grad = gradient
        recording.replay()
        self.n_replayed += 1
        return Outcome(*(one.clone() for one in recording.outcome))
