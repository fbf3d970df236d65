"""Keep the weights with the largest Fisher information active: s = mean of g² over the batches."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.scores import select
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share

NEEDS = ("squares",)
"""Mean squares over the batches that make the mask."""


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by the diagonal of the empirical Fisher information."""
    squares = getattr(gradients, "squares", None)
    if squares is None:  # one batch: the mean over it
        squares = {name: gradient.detach().abs().square() for name, gradient in gradients.items()}
    return dict(squares)


def mask(
    gradients: Mapping[str, Tensor],
    *,
    q: Share | None = None,
    scope: str = "network",
    budget: int | None = None,
    bytes_per_weight: int = 8,
    keep: tuple[str, ...] = (),
) -> Mask:
    """Freeze the weights with the least Fisher information (FISH mask).

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with mean squares (`criterion.Gradients`).
    q : float, optional
        Share that is frozen, from 0 to 1.
    scope : {"network", "layer", "row"}, default="network"
        Rank over the network, within each parameter tensor, or within all weights of each output.
    budget : int, optional
        In the place of `q`, over the network: bytes that the active weights may take.
    bytes_per_weight : int, default=8
        Bytes that an active weight takes: at most 8 in a delta file.
    keep : tuple of str, default=()
        Parameters whose name contains one of these stay active whole, and are not counted.

    Returns
    -------
    Mask
        False where frozen; without a threshold.

    Raises
    ------
    ValueError
        If not exactly one of `q` and `budget` is given, an option is out of range, or a score is no
        finite number.

    Notes
    -----
    *Departures.* The source squares the gradients of single examples; here it is those of the batches that
    the loop has, `mask_batches` of them. Batches of one example are the source's. One batch ranks weights
    as |g| does.

    References
    ----------
    Y.-L. Sung, V. Nair and C. Raffel, "Training neural networks with fixed sparse masks", NeurIPS 2021,
    section 3.1.
    """
    return select(
        score(gradients),
        q=q,
        scope=scope,
        budget=budget,
        bytes_per_weight=bytes_per_weight,
        keep=keep,
    )
