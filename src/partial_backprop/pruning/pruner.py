"""Prune at once or step by step, and hold the zeros while an optimizer trains the rest."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from partial_backprop.pruning.layers import check_parameters, masks_for
from partial_backprop.pruning.magnitude import globally, layerwise

_SCOPES = {"layer": layerwise, "global": globally}


class Pruner:
    """Set the smallest weights to zero and, from the last pruning on, keep them there.

    Call `begin_epoch` before each epoch and `after_step` after each step of the optimizer.

    Parameters
    ----------
    weights : mapping of str to Parameter
        What may be pruned (see `partial_backprop.pruning.layers`); altered in place.
    share : float
        Share of zeros in the end, from 0 to 1.
    scope : {"layer", "global"}
        One threshold for each tensor, or one for all.
    ramp_epochs : int
        Epochs over which the share grows in equal steps: before epoch e, counted from 0, the
        smallest ``share * (e + 1) / ramp_epochs`` of the weights, as they are then, become zero.
        Until the last of these steps, zeros may recover. 0 prunes to `share` before any epoch.

    Raises
    ------
    ValueError
        If an option is out of range.
    UserError
        If a weight is no parameter, as in layers whose weight is computed anew for each call.

    Notes
    -----
    The optimizer's own state (momentum) is left alone, as in the source: during the ramp it helps
    weights to recover; later what it does to a held zero is undone after each step.

    References
    ----------
    sparse_homework, Lab 2 (c) to (e), which counts epochs from 1: "prune (8 × e)% before epoch e".
    """

    def __init__(
        self,
        weights: Mapping[str, nn.Parameter],
        share: float,
        *,
        scope: Literal["layer", "global"] = "layer",
        ramp_epochs: int = 0,
    ) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share must be from 0 to 1, got {share}")
        if scope not in _SCOPES:
            raise ValueError(f"unknown scope {scope!r}: choose {' or '.join(_SCOPES)}")
        if ramp_epochs < 0:
            raise ValueError(f"ramp_epochs must be 0 or more, got {ramp_epochs}")
        check_parameters(weights)
        self._weights = dict(weights)
        self._share = share
        self._keep = _SCOPES[scope]
        self._ramp_epochs = ramp_epochs
        self._held: dict[str, Tensor] | None = None

    @classmethod
    def holding_zeros(cls, weights: Mapping[str, nn.Parameter]) -> "Pruner":
        """Hold the zeros that are there, and prune nothing.

        Parameters
        ----------
        weights : mapping of str to Parameter
            Weights that were pruned before.

        Returns
        -------
        Pruner
            One that is past its last pruning.
        """
        pruner = cls(weights, 0)
        pruner._held = {name: weight.detach() == 0 for name, weight in weights.items()}
        return pruner

    @property
    def held(self) -> dict[str, Tensor] | None:
        """Boolean tensors, True where a weight is held at zero; None before the last pruning."""
        return self._held

    def begin_epoch(self, epoch: int) -> None:
        """Prune if it is time to.

        Parameters
        ----------
        epoch : int
            Counted from 0.

        Raises
        ------
        ValueError
            If a weight is NaN or infinite.
        """
        if self._held is not None:
            return
        if epoch + 1 < self._ramp_epochs:
            self._zero(self._share * (epoch + 1) / self._ramp_epochs)
        else:
            self.prune()

    def prune(self) -> None:
        """Prune to the full share now, and hold the zeros from here on.

        Raises
        ------
        ValueError
            If a weight is NaN or infinite.
        """
        self._held = self._zero(self._share)

    @torch.no_grad()
    def after_step(self) -> None:
        """Set the held zeros to zero again, whatever the step has made of them."""
        for name, zeros in (self._held or {}).items():
            self._weights[name].masked_fill_(zeros, 0)

    @torch.no_grad()
    def _zero(self, share: float) -> dict[str, Tensor]:
        zeros = {name: ~keep for name, keep in self._keep(self._weights, share).items()}
        for name, entries in zeros.items():
            self._weights[name].masked_fill_(entries, 0)
        return zeros

    def state_dict(self) -> dict[str, Any]:
        """Copy what has to be kept to go on exactly: which zeros are held.

        Returns
        -------
        dict
            Tensors and None, for `torch.save`. The weights are not in it.
        """
        held = self._held and {name: zeros.clone() for name, zeros in self._held.items()}
        return {"held": held}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another pruner of the same weights was.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave; its tensors may be on another device.

        Raises
        ------
        ValueError
            If it is of other weights.
        """
        held = state["held"]
        self._held = None if held is None else masks_for(self._weights, held)
