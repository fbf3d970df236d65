"""Proximal gradient descent on the group lasso, and the source's sum of squares in its place."""

import torch

from partial_backprop.pruning.chain import Link
from partial_backprop.pruning.groups import group_prox, penalized


class ProximalSteps:
    """Shorten all groups after each step of the optimizer."""

    # Call `after_step` after each step
    # Momentum m adds a gradient that stays the same up to 1/(1 − m) times itself, so the threshold
    # of the proximal operator is ηλ/(1 − m) at the learning rate η. With this one, and no other,
    # where the descent comes to rest is a minimum of the loss plus the penalty. A group at zero
    # comes back if the loss pulls hard enough.
    # Source: pruning_logs; Parikh and Boyd, "Proximal algorithms", 2014, section 4.2

    def __init__(
        self, links: list[Link], optimizer: torch.optim.Optimizer, strength: float, by: str
    ) -> None:
        if not isinstance(optimizer, torch.optim.SGD):
            raise ValueError("proximal steps need the optimizer sgd, whose steps have one length")
        if not strength >= 0:
            raise ValueError(f"strength must be 0 or more, got {strength}")
        self._links = penalized(links, by)
        self._optimizer = optimizer
        self._strength = strength
        self._by = by

    @torch.no_grad()
    def after_step(self) -> None:
        """Apply the proximal operator."""
        (options,) = self._optimizer.param_groups
        threshold = self._strength * options["lr"] / (1 - options["momentum"])
        for link in self._links:
            blocks = link.blocks()
            blocks.copy_(group_prox(blocks, threshold, self._by))


class SquaresInstead:
    """Add the gradient of a sum of squares, which the source calls a group lasso."""

    # Call `after_backward` when the gradients are there
    # Its groups do not matter: it is weight decay of 2λ. The weights are those that `ProximalSteps`
    # penalizes by filters.
    # Source: pruning_logs, "Filter pruning and group lasso regularization"

    def __init__(self, links: list[Link], strength: float) -> None:
        if not strength >= 0:
            raise ValueError(f"strength must be 0 or more, got {strength}")
        self._weights = [link.layer.weight for link in penalized(links, "filters")]
        self._strength = strength

    @torch.no_grad()
    def after_backward(self) -> None:
        """Add 2λw to every gradient."""
        for weight in self._weights:
            weight.grad.add_(weight, alpha=2 * self._strength)
