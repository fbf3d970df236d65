"""Work that is done step by step, so that several pieces of it can take turns.

On a processor nothing is won by that. On an accelerator, whose work goes on while the next is being
asked for, the kernels of several small networks run side by side: each piece of work has its own stream.
"""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Steps = Generator[None, None, T]
"""Work in steps: yields after each, and returns what it found."""


def finish(steps: Steps[T]) -> T:
    """Do all steps at once.

    Parameters
    ----------
    steps : Steps
        The work.

    Returns
    -------
    object
        What it found.
    """
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


class Lane:
    """Where one piece of work runs: its own stream on a CUDA device, and its own random numbers.

    Parameters
    ----------
    device : torch.device
        Where it runs.

    Notes
    -----
    Its random numbers go on from where torch's generators stand when it is made.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._random = random_state(device)

    def step(self, steps: Steps[T]) -> None:
        """Do one step of the work here.

        Parameters
        ----------
        steps : Steps
            The work.

        Raises
        ------
        StopIteration
            If it is done; with what it found.
        """
        _set_random_state(self.device, self._random)
        try:
            with self._on_stream():
                next(steps)
        finally:
            self._random = random_state(self.device)

    def begin(self) -> None:
        """Let the stream wait for what was asked of the device before."""
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream(self.device))

    def end(self) -> None:
        """Let what is asked of the device from now on wait for the stream."""
        if self.stream is not None:
            torch.cuda.current_stream(self.device).wait_stream(self.stream)

    def _on_stream(self) -> AbstractContextManager:
        return nullcontext() if self.stream is None else torch.cuda.stream(self.stream)


def take_turns(works: Sequence[Steps[T]], lanes: Sequence[Lane]) -> list[T]:
    """Do several pieces of work, a step of each in turn.

    Parameters
    ----------
    works : sequence of Steps
        The pieces of work; none may alter what another one uses.
    lanes : sequence of Lane
        Where each one runs.

    Returns
    -------
    list
        What each one found. Torch's generators are left as they were.

    Raises
    ------
    Exception
        Whatever a step raises; the other pieces of work stop where they are.
    """
    found: dict[int, T] = {}
    outside = [(lane.device, random_state(lane.device)) for lane in lanes]
    for lane in lanes:
        lane.begin()
    try:
        waiting = list(zip(range(len(works)), works, lanes, strict=True))
        while waiting:
            for turn in tuple(waiting):
                number, work, lane = turn
                try:
                    lane.step(work)
                except StopIteration as end:
                    found[number] = end.value
                    waiting.remove(turn)
    finally:
        for lane in lanes:
            lane.end()
        for device, state in outside:
            _set_random_state(device, state)
    return [found[number] for number in range(len(works))]


def random_state(device: torch.device) -> tuple[Tensor, ...]:
    """Read where torch's generators stand.

    Parameters
    ----------
    device : torch.device
        A device.

    Returns
    -------
    tuple of Tensor
        State of the processor's generator, and of the device's where it has its own.
    """
    state = (torch.get_rng_state(),)
    return (*state, torch.cuda.get_rng_state(device)) if device.type == "cuda" else state


def _set_random_state(device: torch.device, state: tuple[Tensor, ...]) -> None:
    torch.set_rng_state(state[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state[1], device)
