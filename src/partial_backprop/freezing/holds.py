"""Put a mask in force, new or saved."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing.compact_hold import CompactHold
from partial_backprop.freezing.dense_hold import DenseHold
from partial_backprop.freezing.hold import Hold
from partial_backprop.freezing.strict import FrozenWeights
from partial_backprop.mask import Mask


def hold(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    mask: Mask,
    *,
    strict: bool,
    compact: bool,
    anchor: Mapping[str, Tensor] | None = None,
    saved: Mapping[str, Any] | None = None,
) -> Hold:
    """Put a mask in force.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer.
    parameters : mapping of str to Parameter
        Its parameters by name.
    mask : Mask
        The mask, on any device.
    strict, compact : bool
        Whether frozen values keep every bit, and whether active entries alone have a state.
    anchor : mapping of str to Tensor, optional
        Values at the making of the mask; by default the parameters' own.
    saved : mapping, optional
        ``compact`` of a checkpoint.

    Returns
    -------
    Hold
        The mask in force.
    """
    active = {name: entries.to(parameters[name].device) for name, entries in mask.items()}
    mask = Mask(active, threshold=mask.threshold)
    if compact:
        return CompactHold(optimizer, parameters, mask, anchor, saved)
    if anchor is None:
        anchor = {name: parameters[name].detach().clone() for name in mask}
    return DenseHold(
        mask, dict(anchor), FrozenWeights(parameters, mask, anchor if strict else None)
    )


def check_saved(state: Mapping[str, Any], keys: Iterable[str], *, mode: str, compact: bool) -> None:
    """Refuse a saved state that is none, or one of another way to freeze.

    Parameters
    ----------
    state : mapping
        What was saved.
    keys : iterable of str
        What it must have.
    mode : str
        How weights are frozen.
    compact : bool
        Whether a compact state is welcome.

    Raises
    ------
    UserError
        If something is missing or does not agree.
    """
    # Compact is one of two ways; masks came later than the rest, and older states may go without.
    if missing := set(keys) - {"compact", "masks"} - state.keys():
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


def check_fits(active: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Refuse the saved mask of another model.

    Parameters
    ----------
    active : mapping of str to Tensor
        The mask.
    parameters : mapping of str to Tensor
        Parameters by name.

    Raises
    ------
    UserError
        If a name or a shape differs.
    """
    for name, entries in active.items():
        if name not in parameters or parameters[name].shape != entries.shape:
            raise UserError(
                f"the saved mask of {name!r} fits no parameter: load it for the model it is of"
            )
