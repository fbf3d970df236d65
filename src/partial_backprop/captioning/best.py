"""The weights of the best epoch so far."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from partial_backprop.captioning import plateau


class Best:
    """Keep the weights of the epoch with the best score.

    Parameters
    ----------
    weights : dict of str to Tensor, optional
        Those of the best epoch of a training that goes on.
    """

    def __init__(self, weights: dict[str, Tensor] | None = None) -> None:
        self._weights = weights or {}

    def keep(self, model: nn.Module, scores: Sequence[float]) -> None:
        """Take the weights if the last epoch was the best.

        Parameters
        ----------
        model : nn.Module
            The network after the last epoch.
        scores : sequence of float
            Score of each epoch so far; higher is better, and of equals the first counts.
        """
        if plateau.since_best(scores) == 0:
            self._weights = {name: one.clone() for name, one in model.state_dict().items()}

    def put_back(self, model: nn.Module) -> None:
        """Give a network the weights of the best epoch.

        Parameters
        ----------
        model : nn.Module
            Altered in place.
        """
        model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """Return the weights.

        Returns
        -------
        dict
            Tensors by name.
        """
        return self._weights

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Keep these weights.

        Parameters
        ----------
        state : dict
            From `state_dict`.
        """
        self._weights = dict(state)
