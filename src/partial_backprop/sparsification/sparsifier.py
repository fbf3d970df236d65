"""Zero a share of the gradients in every step, and count what was zeroed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from partial_backprop.sparsification.selection import drawn, threshold, within

METHODS = ("full", "threshold", "random")
"""Zero nothing, the smallest gradients, or as many at random."""


class Tally(NamedTuple):
    """What happened to one weight's gradient, summed over all steps."""

    n_zeroed: int
    """Entries that were marked, natural zeros among them."""
    n_natural_zeros: int
    """Entries that were exactly 0 before."""
    squares: float
    """Sum of all squared entries before."""
    squares_zeroed: float
    """Sum of those that were marked."""


class Sparsifier:
    """Zero gradients between the backward pass and the step of the optimizer.

    Call `begin_epoch` before each epoch and `after_backward` after each backward pass.

    Parameters
    ----------
    weights : mapping of str to Parameter
        Those whose gradients may be zeroed, by name; each must get a gradient in every step.
    n : int
        How many entries to zero in a step, over all these weights together.
    method : {"full", "threshold", "random"}
        Zero nothing; all in [−th, th], where th is the n-th smallest magnitude of the step; or
        exactly n, drawn anew in each step.

    Raises
    ------
    ValueError
        If the method is none of these, or `n` is out of range.

    References
    ----------
    gradient_notes, "thresholding_spars, [-th1,th1]" and "sparsification only acc".
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], n: int, method: str) -> None:
        if method not in METHODS:
            raise ValueError(f"unknown method {method!r}: choose {', '.join(METHODS)}")
        self._weights = dict(weights)
        self._sizes = [weight.numel() for weight in weights.values()]
        if not 1 <= n <= sum(self._sizes):
            raise ValueError(f"n must be from 1 to {sum(self._sizes)}, got {n}")
        self._n = n
        self._method = method
        self._generator = torch.Generator()
        device = next(iter(self._weights.values())).device
        self._counts = torch.zeros(len(self._sizes), 2, dtype=torch.int64, device=device)
        self._squares = torch.zeros(len(self._sizes), 2, dtype=torch.float64, device=device)
        self._limits: list[Tensor] = []
        self._n_steps = 0

    def begin_epoch(self, seed: int) -> None:
        """Begin an epoch's draws and its mean threshold.

        Parameters
        ----------
        seed : int
            Of the epoch: what is drawn in it does not depend on the epochs before.
        """
        self._generator.manual_seed(seed)
        self._limits.append(self._squares.new_zeros(2))

    @torch.no_grad()
    def after_backward(self) -> None:
        """Zero this step's gradients, and count."""
        gradients = [weight.grad for weight in self._weights.values()]
        values = torch.cat([gradient.flatten() for gradient in gradients])
        chosen = self._choose(values)
        squares = values.double().square_()
        marked = (chosen, values == 0)
        sums = (squares, squares * chosen)
        for column in range(2):
            counts = [part.sum() for part in marked[column].split(self._sizes)]
            self._counts[:, column] += torch.stack(counts)
            self._squares[:, column] += torch.stack(
                [part.sum() for part in sums[column].split(self._sizes)]
            )
        self._n_steps += 1
        if self._method != "full":
            for gradient, part in zip(gradients, chosen.split(self._sizes), strict=True):
                gradient.masked_fill_(part.view(gradient.shape), 0)

    def _choose(self, values: Tensor) -> Tensor:
        if self._method == "random":
            return drawn(len(values), self._n, self._generator).to(values.device)
        if self._method == "full":
            return torch.zeros_like(values, dtype=torch.bool)
        limit = threshold(values.abs(), self._n)
        self._limits[-1] += torch.stack([limit.double(), torch.ones_like(limit).double()])
        return within(values, limit)

    @property
    def n_steps(self) -> int:
        """Steps so far."""
        return self._n_steps

    def tallies(self) -> dict[str, Tally]:
        """Sum up what happened so far.

        Returns
        -------
        dict of str to Tally
            By the name of the weight.
        """
        rows = zip(self._weights, self._counts.tolist(), self._squares.tolist(), strict=True)
        return {name: Tally(*counts, *squares) for name, counts, squares in rows}

    def thresholds(self) -> tuple[float, ...]:
        """Return the mean threshold of each epoch.

        Returns
        -------
        tuple of float
            Raw gradient magnitudes; empty unless the method is ``threshold``.
        """
        pairs = [limits.tolist() for limits in self._limits]
        return tuple(total / n for total, n in pairs if n)

    def state_dict(self) -> dict[str, Any]:
        """Copy what has to be kept to go on exactly.

        Returns
        -------
        dict
            Tensors and numbers, for `torch.save`.
        """
        return {
            "counts": self._counts.clone(),
            "squares": self._squares.clone(),
            "limits": [limits.clone() for limits in self._limits],
            "n_steps": self._n_steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another sparsifier of the same weights was.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave; its tensors may be on another device.

        Raises
        ------
        ValueError
            If it is of other weights.
        """
        if state["counts"].shape != self._counts.shape:
            raise ValueError("the sparsifier's state is of other weights: start the run afresh")
        device = self._counts.device
        self._counts = state["counts"].to(device, copy=True)
        self._squares = state["squares"].to(device, copy=True)
        self._limits = [limits.to(device, copy=True) for limits in state["limits"]]
        self._n_steps = state["n_steps"]
