"""What the article says of the density of layers (seed 004, tables 7 to 9)."""

import pandas as pd

from partial_backprop.frames import inclusion_arms, inclusion_frames
from partial_backprop.frames.inclusion_arms import LAYERS
from partial_backprop.inputs import Inputs
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.dessilbi_words import failure, learned
from partial_backprop.paper.numbers import integer, listing, percent
from partial_backprop.paper.text import Tex, escape
from partial_backprop.reported import Reported

_LENET3, *_CONVOLUTIONAL = LAYERS


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what the layers are.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topics ``lenet3``, ``convolutional`` and ``printed_layers``.
    """
    return {
        "lenet3": _by_size(inputs),
        "convolutional": Tex(" ".join(_by_kind(inputs, name) for name in _CONVOLUTIONAL)),
        "printed_layers": _printed(inputs.reported),
    }


def _means(inputs: Inputs, experiment: str) -> pd.DataFrame:
    found = inclusion_frames.layers(inclusion_arms.of(inputs.runs, experiment))
    columns = ["n_weights", "n_nonzero", "density_percent", "n_ever", "norm_to_enter"]
    return found.groupby("title", sort=False)[columns].mean()


def _unfit(inputs: Inputs, experiment: str) -> Tex | None:
    """Say that a network did not run or learn; None where it did."""
    found = inclusion_frames.epochs(inclusion_arms.of(inputs.runs, experiment))
    if found.empty:
        return Tex(f"{escape(LAYERS[experiment])} was {NOT_RUN} at this scale.")
    if not learned(found["full_test_percent"], found["chance_percent"]):
        return failure(LAYERS[experiment], found["full_test_percent"])
    return None


def _worth(inputs: Inputs, experiment: str) -> Tex:
    """Say what the full and the sparse network are worth after the last epoch."""
    found = inclusion_frames.epochs(inclusion_arms.of(inputs.runs, experiment))
    last = inclusion_frames.chosen(found, "full", "last")
    full, sparse = (percent(last[f"{kind}_test_percent"].mean()) for kind in ("full", "sparse"))
    guesses = (
        ""
        if learned(last["sparse_test_percent"], last["chance_percent"])
        else r", \emph{which is hardly better than guessing}: the path ends before the support has what the "
        "network needs"
    )
    return Tex(
        f"Its test accuracy is {full}, and {sparse} without the weights outside the support{guesses}."
    )


def _listed(means: pd.DataFrame) -> Tex:
    return listing(
        [Tex(f"{percent(share)} of {name}") for name, share in means["density_percent"].items()]
    )


def _waiting(means: pd.DataFrame) -> str:
    """Name the layers that the path is too short for; empty where there are none."""
    waiting = means[means["n_ever"].eq(0)]
    if waiting.empty:
        return ""
    names, needed = listing(list(map(escape, waiting.index))), waiting["norm_to_enter"].iloc[0]
    return (
        rf" Nothing of {names} has entered: by the end of this path a group must have reached a norm of "
        rf"{needed:.2g}, \emph{{so that the path says nothing of their density}}."
    )


def _by_size(inputs: Inputs) -> Tex:
    if unfit := _unfit(inputs, _LENET3):
        return unfit
    means, title = _means(inputs, _LENET3), escape(LAYERS[_LENET3])
    whole = 100 * means["n_nonzero"].sum() / means["n_weights"].sum()
    return Tex(
        f"The support has {_listed(means)}, in all {percent(whole)} of the weights of {title}. "
        f"{_worth(inputs, _LENET3)}{_waiting(means)}"
    )


def _by_kind(inputs: Inputs, experiment: str) -> Tex:
    if unfit := _unfit(inputs, experiment):
        return unfit
    means, title = _means(inputs, experiment), escape(LAYERS[experiment])
    is_conv = means.index.str.startswith("Conv")
    shares = {}
    for kind, chosen in (("convolutions", means[is_conv]), ("fully connected", means[~is_conv])):
        shares[kind] = 100 * chosen["n_nonzero"].sum() / chosen["n_weights"].sum()
    return Tex(
        f"In {title} the support has {percent(shares['convolutions'])} of the weights of the convolutions "
        f"and {percent(shares['fully connected'])} of those of the fully connected layers. "
        f"{_worth(inputs, experiment)}{_waiting(means)}"
    )


def _printed(reported: Reported) -> Tex:
    """Put the printed densities together."""
    layers = [inclusion_arms.printed_layer(reported, 7, name) for name in ("FC1", "FC2", "FC3")]
    shares, sizes = zip(*layers, strict=True)
    whole = sum(share * size for share, size in layers) / sum(sizes)
    return Tex(
        f"{listing([percent(100 * share, 1) for share in shares])} of "
        f"{listing([integer(size) for size in sizes])} weights, which is {percent(100 * whole, 1)} in all"
    )
