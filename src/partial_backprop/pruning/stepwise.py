"""Prune at steps of a training rather than at its epochs, by masks that follow a schedule."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.pruning.layers import check_parameters, masks_for
from partial_backprop.pruning.magnitude import ranked
from partial_backprop.pruning.polynomial import PolynomialSchedule


def largest(weight: Tensor, share: float) -> Tensor:
    """Choose the weights that are kept when a share of a tensor is pruned."""
    # *Departures.* The tool computes the number that is kept in single precision, which may miss it
    # by some units in tensors of more than 2^24 values
    if not 0 <= share < 1:
        raise ValueError(f"share must be from 0 to below 1, got {share}")
    sizes = weight.detach().abs()
    if not sizes.numel():
        raise ValueError("there are no weights to prune")
    n_kept = max(1, round(sizes.numel() * (1 - share)))
    return sizes >= ranked(sizes, sizes.numel() - n_kept)


class StepwisePruner:
    """Hold zeros by masks that are made anew whenever a schedule says so."""

    # Call `begin_epoch` before each epoch and `after_step` after each step of the optimizer
    # A new mask ranks the weights as the optimizer has left them, pruned ones included: one whose
    # single update from zero is larger than the weights at the threshold comes back, as in the tool
    # that the source used. The optimizer's own state is left alone, so its moments follow the
    # gradients of pruned weights too.
    # *Departures.* Zipped, the source's file of the pruned model leaves 20 % of itself (3.27 of
    # 16.28 Mb). That fits moments which are zero wherever a weight is pruned; with moments as here
    # it is 53 %. `partial_backprop.storage.contents.optimizer_state` makes either.
    # Source: pruning_logs, weight pruning

    def __init__(self, weights: Mapping[str, nn.Parameter], schedule: PolynomialSchedule) -> None:
        check_parameters(weights)
        self._weights = dict(weights)
        self._schedule = schedule
        self._step = 0
        self._kept: dict[str, Tensor] = {}

    @property
    def kept(self) -> dict[str, Tensor]:
        """Boolean tensors, True where a weight is kept; none before the first pruning."""
        return self._kept

    def begin_epoch(self, epoch: int) -> None:
        """Prune before the first step, if the schedule begins there."""
        if epoch == 0:
            self._prune_when_due()

    def after_step(self) -> None:
        """Count a step, prune if it is time to, and set what is pruned to zero."""
        self._step += 1
        self._prune_when_due()

    @torch.no_grad()
    def _prune_when_due(self) -> None:
        if self._schedule.prunes_at(self._step):
            share = self._schedule.share(self._step)
            self._kept = {name: largest(weight, share) for name, weight in self._weights.items()}
        for name, kept in self._kept.items():
            self._weights[name].masked_fill_(~kept, 0)

    def state_dict(self) -> dict[str, Any]:
        """Copy what has to be kept to go on exactly: the number of steps and the masks."""
        return {
            "step": self._step,
            "kept": {name: kept.clone() for name, kept in self._kept.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another pruner of the same weights was."""
        kept = masks_for(self._weights, state["kept"]) if state["kept"] else {}
        self._step, self._kept = state["step"], kept
