"""Several processes that train one model: their masks agree, and parameters are whole in each."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from partial_backprop.errors import UserError
from partial_backprop.freezing.criterion import Criterion


def unwrapped_model(model: nn.Module) -> tuple[nn.Module, Any]:
    """Find the model in ``DistributedDataParallel``, whose names are the plain ones, and its processes."""
    if isinstance(model, DistributedDataParallel):
        return model.module, model.process_group
    return model, None


def agreed(criterion: Criterion, group: Any = None) -> Criterion:
    """Compare a criterion's masks between processes (all by default): `UserError` where they differ."""
    # Averaged gradients are the same in each process, bit for bit, and so are masks unless the criterion
    # draws; otherwise weights would drift apart without a word.

    def compared(gradients: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        mask = criterion(gradients)
        device = next((gradient.device for gradient in gradients.values()), None)
        number = torch.tensor(_checksum(mask), device=device)
        ends = torch.stack([number, -number])
        torch.distributed.all_reduce(ends, torch.distributed.ReduceOp.MAX, group)
        if bool(ends[0] != -ends[1]):
            raise UserError(
                "the processes have made different masks: average their gradients before the step that "
                "makes it, and let the criterion draw nothing without a seed"
            )
        return mask

    return compared


def are_several() -> bool:
    """Tell whether at least two processes train together, as far as torch knows."""
    return is_distributed() and torch.distributed.get_world_size() > 1


def is_distributed() -> bool:
    """Tell whether torch's processes are set up, be it only one."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _checksum(mask: Mapping[str, Tensor]) -> int:
    digest = hashlib.blake2b(digest_size=7)
    for name, active in mask.items():
        digest.update(name.encode())
        digest.update(active.detach().cpu().contiguous().numpy())
    return int.from_bytes(digest.digest(), "big")
