"""What a mask does from step to step, and how one is applied."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing.compact_state import CompactMaskState
from partial_backprop.freezing.dense_state import DenseMaskState
from partial_backprop.mask import Mask
from partial_backprop.storage.delta import plain_name

MaskState = DenseMaskState | CompactMaskState
"""A mask that is applied; both have the same methods."""


def check_saved(state: object, keys: Iterable[str], mode: str, compact: bool) -> Mapping[str, Any]:
    """Return a saved state with the keys of today; refuse what is none, or one of another way to freeze."""
    if not isinstance(state, Mapping):
        raise UserError(
            f"this is no state of PartialBackprop but a {type(state).__name__}: "
            "load what state_dict() returned"
        )
    # Until 0.1 the values at the making of the mask had another name.
    state = {"values_at_mask" if key == "anchor" else key: one for key, one in state.items()}
    # Compact is one of two ways; changes, masks and buffers came later than the rest.
    if missing := set(keys) - {"compact", "changed", "masks", "buffers"} - state.keys():
        raise UserError(
            f"this is no state of PartialBackprop: it lacks {', '.join(sorted(missing))}"
        )
    if state["mode"] != mode:
        raise UserError(
            f"the saved state is of mode {state['mode']!r}, this is {mode!r}: "
            f"construct PartialBackprop with mode={state['mode']!r}"
        )
    if "compact" in state and not compact:
        raise UserError("the saved state is compact: construct PartialBackprop with compact=True")
    return state


def renamed(state: Mapping[str, Any], parameters: Mapping[str, Tensor]) -> dict[str, Any]:
    """Give the parameters of a saved state the names that they have in a model."""
    # They may differ by the prefixes of torch.compile (_orig_mod.) and of DistributedDataParallel (module.).
    plain = {plain_name(name): name for name in parameters}
    names = {}
    for name, entries in state["active"].items():
        found = name if name in parameters else plain.get(plain_name(name))
        if found is None or parameters[found].shape != entries.shape:
            raise UserError(
                f"the saved mask of {name!r} fits no parameter: load it for the model it is of"
            )
        names[name] = found

    def rename(values: Any) -> Any:
        if isinstance(values, Mapping):
            return {names.get(key, key): rename(value) for key, value in values.items()}
        if isinstance(values, list | tuple):
            return [rename(one) for one in values]
        return names.get(values, values) if isinstance(values, str) else values

    return rename(state)


def apply_mask(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    mask: Mask,
    *,
    strict: bool,
    compact: bool,
    applies: bool,
    values_at_mask: Mapping[str, Tensor] | None = None,
    saved: Mapping[str, Any] | None = None,
    changed: Iterable[str] = (),
    before: MaskState | None = None,
) -> MaskState:
    """Apply a mask to an optimizer's steps, or keep it for reading."""
    active = {name: entries.to(parameters[name].device) for name, entries in mask.items()}
    mask = Mask(active, threshold=mask.threshold)
    covered = {name: parameters[name] for name in mask}
    if before is not None and not (compact and before.is_compact):
        before.expand_state()
    if compact and applies:
        entries = before.entries if isinstance(before, CompactMaskState) else {}
        return CompactMaskState(optimizer, covered, mask, values_at_mask, saved, changed, entries)
    if values_at_mask is None:
        values_at_mask = {name: parameter.detach().clone() for name, parameter in covered.items()}
    return DenseMaskState(covered, mask, dict(values_at_mask), strict, applies, changed)
