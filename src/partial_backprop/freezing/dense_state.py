"""A mask in force that keeps all values, and an optimizer's state of all entries."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.freezing.strict import FrozenWeights
from partial_backprop.freezing.watch import ParameterWatch
from partial_backprop.mask import Mask


class DenseMaskState:
    """A mask with all values at its making."""

    kernel = "torch"
    position_bytes = 0
    is_compact = False

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        mask: Mask,
        values_at_mask: dict[str, Tensor],
        strict: bool,
        applies: bool = True,
        changed: Iterable[str] = (),
    ) -> None:
        self.threshold = mask.threshold
        self.changed = set(changed)
        self.parameters = dict(parameters)
        self._mask, self._values_at_mask, self._strict = mask, values_at_mask, strict
        self._frozen = FrozenWeights(parameters, mask) if applies else None
        self._watch = ParameterWatch(parameters)

    def mask(self) -> Mask:
        """Return the mask."""
        return self._mask

    def values_at_mask(self) -> dict[str, Tensor]:
        """Return the values at the making of the mask."""
        self._follow()
        return self._values_at_mask

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        return {"active": dict(self._mask), "values_at_mask": dict(self._values_at_mask)}

    def find_changes(self, written_only: bool = False) -> None:
        """Add to `changed` what something else than a step has changed."""
        if self._frozen is None or not self._strict:
            return
        self._follow()
        names = self._watch.written() if written_only else self._mask
        self.changed.update(
            n
            for n in names
            if n not in self.changed and self._frozen.differ(n, self._values_at_mask[n])
        )

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0."""
        self._follow()
        if self._frozen is not None:
            self._frozen.zero_gradients()

    def before_step(self) -> None:
        """Set the gradient of every frozen entry to 0, and note the values to put back."""
        self.zero_gradients()
        if self._frozen is not None and self._strict:
            self._frozen.note_values()

    def after_step(self) -> None:
        """Put frozen values back."""
        if self._frozen is not None and self._strict:
            self._frozen.restore_values()
            self._watch.note_writes()

    def collect_gradients(self, on: bool) -> None:
        """Do nothing: gradients are whole."""

    def expand_state(self) -> None:
        """Do nothing: the optimizer has a state of every entry."""

    def detach(self) -> "DenseMaskState":
        """Freeze nothing any more."""
        return DenseMaskState(
            self.parameters, self._mask, self._values_at_mask, self._strict, False, self.changed
        )

    @torch.no_grad()
    def _follow(self) -> None:
        """Follow parameters that were cast, moved or laid out anew: the values then alike."""
        names = self._watch.changed_forms()
        for name in names:
            parameter, then = self.parameters[name], self._values_at_mask[name]
            self._values_at_mask[name] = torch.empty_like(parameter).copy_(then)
        if names:
            active = {n: entries.to(self.parameters[n].device) for n, entries in self._mask.items()}
            self._mask = Mask(active, threshold=self.threshold)
            if self._frozen is not None:
                self._frozen = FrozenWeights(self.parameters, self._mask)
