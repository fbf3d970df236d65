"""Groups of weights that become zero at once, and the proximal operator that makes them so."""

import torch
import torch.nn.functional as F
from torch import Tensor

LINEAR_GROUPS = {"elements": (), "rows": (1,)}
"""What a group of a linear layer is -> axes of its weight that lie within a group."""


def axes_within(weight: Tensor, linear_groups: str, output_axis: int = 0) -> tuple[int, ...] | None:
    """Tell which axes of a parameter lie within a group.

    Parameters
    ----------
    weight : Tensor
        A parameter.
    linear_groups : {"elements", "rows"}
        Whether a group of a linear layer is a single weight, or all that one unit reads.
    output_axis : int
        Axis of a convolution's output channels: 1 where it is transposed, else 0.

    Returns
    -------
    tuple of int or None
        All axes but that of the outputs for the weight of a convolution, whose groups are filters;
        None for a bias or a normalisation, which has no groups.

    Raises
    ------
    ValueError
        If `linear_groups` is none of these.
    """
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
    """Compute the Euclidean norm of every group.

    Parameters
    ----------
    values : Tensor
        Values of a weight's shape.
    axes : tuple of int
        Axes within a group; none where every element is one.

    Returns
    -------
    Tensor
        Norms, of length 1 along `axes`.
    """
    return torch.linalg.vector_norm(values, dim=axes, keepdim=True) if axes else values.abs()


def shrink(values: Tensor, threshold: float, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Apply the proximal operator of the sum of the groups' norms.

    Parameters
    ----------
    values : Tensor
        Values V of a weight's shape, finite.
    threshold : float
        Length λ by which groups are shortened, from 0 up.
    axes : tuple of int
        Axes within a group; none where every element is one.

    Returns
    -------
    shrunk : Tensor
        ``V_g · max(0, 1 − λ / ‖V_g‖)`` for each group g.
    inside : Tensor
        1 for groups longer than λ and 0 for the others, of length 1 along `axes`.

    References
    ----------
    Seed 004; METHODS E; Parikh and Boyd, "Proximal algorithms", 2014, section 6.5.
    """
    if not axes and not values.is_complex():
        shrunk = F.softshrink(values, threshold)
        # Of torch's comparisons with zero this is the fastest by far.
        return shrunk, shrunk.sign().abs_()
    norms = group_norms(values, axes)
    # Divided by a norm that cannot be 0, so that a group without any length gives 0 and not 0/0.
    factor = (norms - threshold).clamp_min(0) / norms.clamp_min(torch.finfo(norms.dtype).tiny)
    return values * factor, factor.sign()
