"""Groups of weights that become zero at once, and the proximal operator that makes them so."""

import torch
import torch.nn.functional as F
from torch import Tensor

LINEAR_GROUPS = {"elements": (), "rows": (1,)}
"""What a group of a linear layer is -> axes of its weight that lie within a group."""


def axes_within(weight: Tensor, linear_groups: str, output_axis: int = 0) -> tuple[int, ...] | None:
    """Tell which axes of a parameter lie within a group."""
    if linear_groups not in LINEAR_GROUPS:
        raise ValueError(
            f"linear_groups must be {' or '.join(LINEAR_GROUPS)}, got {linear_groups!r}"
        )
    if weight.ndim < 2:
        return None
    if weight.ndim == 2:
        return LINEAR_GROUPS[linear_groups]
    return tuple(axis for axis in range(weight.ndim) if axis != output_axis)


def group_norms(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Compute the Euclidean norm of every group."""
    return torch.linalg.vector_norm(values, dim=axes, keepdim=True) if axes else values.abs()


def shrink(values: Tensor, threshold: float, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Apply the proximal operator of the sum of the groups' norms."""
    # Source: dessilbi2020; METHODS E; Parikh and Boyd, "Proximal algorithms", 2014, section 6.5
    if not axes and not values.is_complex():
        shrunk = F.softshrink(values, threshold)
        # Of torch's comparisons with zero this is the fastest by far.
        return shrunk, shrunk.sign().abs_()
    norms = group_norms(values, axes)
    # Divided by a norm that cannot be 0, so that a group without any length gives 0 and not 0/0.
    factor = (norms - threshold).clamp_min(0) / norms.clamp_min(torch.finfo(norms.dtype).tiny)
    return values * factor, factor.sign()
