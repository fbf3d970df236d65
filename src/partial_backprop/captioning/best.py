"""The weights of the best epoch so far."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from partial_backprop.captioning import plateau


class Best:
    """Keep the weights of the epoch with the best score."""

    def __init__(self, weights: dict[str, Tensor] | None = None) -> None:
        self._weights = weights or {}

    def keep(self, model: nn.Module, scores: Sequence[float]) -> None:
        """Take the weights if the last epoch was the best."""
        if plateau.since_best(scores) == 0:
            self._weights = {name: one.clone() for name, one in model.state_dict().items()}

    def put_back(self, model: nn.Module) -> None:
        """Give a network the weights of the best epoch."""
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the weights."""
        return self._weights

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep these weights."""
        self._weights = dict(state)
