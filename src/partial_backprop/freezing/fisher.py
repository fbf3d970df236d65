"""Score weights by the Fisher information: s = mean of g² over the batches."""

from collections.abc import Mapping

from torch import Tensor

NEEDS = ("squares",)
"""Mean squares over the batches that make the mask."""


def score(gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Score weights by the diagonal of the empirical Fisher information (FISH mask), s = mean of g².

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name, with mean squares (`criterion.Gradients`), where several
        batches make the mask.

    Returns
    -------
    dict of str to Tensor
        Score of each weight by parameter name, in the parameter's shape.

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
    squares = getattr(gradients, "squares", None)
    if squares is None:  # one batch: the mean over it
        squares = {name: gradient.detach().abs().square() for name, gradient in gradients.items()}
    return dict(squares)
