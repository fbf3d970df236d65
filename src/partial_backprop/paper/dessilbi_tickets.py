"""What the article says of networks that were trained under a mask of a path (seed 004, figure 5)."""

import pandas as pd

from partial_backprop.frames import inclusion_arms, inclusion_frames
from partial_backprop.frames.inclusion_arms import TICKETS
from partial_backprop.inputs import Inputs
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.dessilbi_words import failure, learned
from partial_backprop.paper.lab_words import accuracy, compared
from partial_backprop.paper.numbers import percent, plural
from partial_backprop.paper.text import Tex, escape


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say how tickets compare with the whole network and with random masks.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments.

    Returns
    -------
    dict
        Topic ``tickets``.
    """
    text = [_network(inputs, network) for network in TICKETS]
    return {"tickets": Tex(" ".join(text))}


def _network(inputs: Inputs, network: str) -> Tex:
    title = escape(inclusion_arms.title(network))
    found = inclusion_frames.tickets(inclusion_arms.of(inputs.runs, TICKETS[network]))
    last = found[found["rule"].eq("last")]
    mine = _pick(last, "support")
    if mine.empty:
        return Tex(f"A ticket of {title} was {NOT_RUN} at this scale.")
    if not learned(last["test_percent"], last["chance_percent"]):
        return failure(title, last["test_percent"])
    own = last[last["mask"].eq("support")]
    n_test = own["test_n_examples"].iloc[0]
    judged = [
        compared(mine, _pick(last, mask), ("the ticket", other), n_test)
        for mask, other in (("none", "the whole network"), ("random", "the random mask"))
    ]
    return Tex(
        f"{title}: the support after {plural(int(own['after'].iloc[0]), 'epoch')} has "
        f"{percent(own['density_percent'].mean())} of the weights. Trained anew under this mask the "
        f"network has {accuracy(mine)}. {' '.join(judged)}"
    )


def _pick(last: pd.DataFrame, mask: str) -> pd.Series:
    chosen = last[last["mask"].eq(mask)].set_index("seed")["test_percent"]
    return chosen.astype(float).sort_index()
