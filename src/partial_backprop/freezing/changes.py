"""What a training with a mask has changed, for a delta file."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.freezing.criterion import trainable
from partial_backprop.freezing.mask_state import MaskState
from partial_backprop.freezing.strict import bits
from partial_backprop.storage.delta import digest, plain_name, tensors_of


def buffer_digests(model: nn.Module) -> dict[str, str]:
    """Note what a model's buffers are."""
    parameters = {plain_name(name) for name, _ in model.named_parameters()}
    return {name: digest(t) for name, t in tensors_of(model).items() if name not in parameters}


def changes(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: MaskState | None,
    buffers: Mapping[str, str],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tell what a training has changed since its mask was made."""
    if state is None:
        raise UserError("no mask has been made: there is no delta to save before the first one")
    mask, then = state.mask(), state.values_at_mask()
    state.find_changes()
    for name, active in mask.items():
        now = bits(state.parameters[name])
        if name in state.changed or bool(((now != bits(then[name])) & ~active).any()):
            raise UserError(
                f"frozen values of {name!r} have changed since the mask was made (mode='gradient', full "
                "epochs at the end, or weights loaded back), and a delta holds active ones alone: save "
                "the whole model"
            )
    for name in trainable(model, optimizer):
        if name not in mask:
            raise UserError(
                f"parameter {name!r} had no gradient when the mask was made, so that it has none, and the "
                "optimizer may have trained it since: let it require no gradient from the beginning"
            )
    tensors = tensors_of(model)
    found = {plain_name(name): active for name, active in mask.items() if bool(active.any())}
    now = buffer_digests(model)
    changed = (name for name in now if buffers.get(name) != now[name])
    return tensors, found | {n: torch.ones(tensors[n].shape, dtype=torch.bool) for n in changed}
