"""The results in a few sentences, for the abstract and the conclusion."""

import pandas as pd

from partial_backprop.paper.claims import within
from partial_backprop.paper.compare import NOT_RUN, by_arm, compare, grouped, verdict
from partial_backprop.paper.numbers import listing, plural, points, span, word
from partial_backprop.paper.printed import margin
from partial_backprop.paper.text import Tex
from partial_backprop.reported import Reported


def sentences(frame: pd.DataFrame, reported: Reported) -> dict[str, Tex]:
    """Sum the results up.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`; may be empty.
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    dict
        Topic -> LaTeX; empty where there is nothing to say.
    """
    return {
        "accuracy": _accuracy(frame),
        "random": _random(frame),
        "modes": _modes(frame),
        "conclusion": _conclusion(frame, reported),
    }


def _accuracy(frame: pd.DataFrame) -> Tex:
    compared = compare(frame, "pb", "fb")
    if not compared:
        return Tex(f"The comparison of PB with FB was {NOT_RUN} at this scale.")
    means = [item.difference.mean for item in compared]
    between = (
        points(means[0]) if len(means) == 1 else f"{points(min(means))} to {points(max(means))}"
    )
    shares = list(by_arm(frame, "pb", "mask_zeros_percent").values())
    text = (
        f"With {span(shares, 0)} of the weights frozen, the accuracy after the last epoch differs "
        f"from that of full training by {between} percentage points"
    )
    groups = grouped(compared)
    n_judged = len(compared) - len(groups.get("single", []))
    if not n_judged:
        return Tex(f"{text}, on a single seed, which gives no interval.")
    losses, gains = (len(groups.get(key, [])) for key in ("lower", "higher"))
    each = "for the one network" if n_judged == 1 else f"for {{}} of {plural(n_judged, 'network')}"
    if losses + gains == 0:
        every = "for the one network" if n_judged == 1 else f"for all {plural(n_judged, 'network')}"
        return Tex(f"{text}; the 95\\,\\% interval over paired seeds contains zero {every}.")
    kinds = [f"{word(losses)} a loss"] if losses else []
    kinds += [f"{word(gains)} a gain"] if gains else []
    return Tex(
        f"{text}; the 95\\,\\% interval over paired seeds excludes zero "
        f"{each.format(word(losses + gains))} ({listing([Tex(kind) for kind in kinds])})."
    )


def _random(frame: pd.DataFrame) -> Tex:
    compared = compare(frame, "pb", "pb_random")
    if not compared:
        return Tex(f"A control with random masks was {NOT_RUN} at this scale.")
    means = [points(item.difference.mean) for item in compared]
    if {verdict(item.difference) for item in compared} == {"single"}:
        return Tex(
            f"Against a random mask of the same size the difference is {listing(means)} points, on a "
            "single seed."
        )
    said = {
        "higher": "is better on {}",
        "lower": "is worse on {}",
        "unresolved": "cannot be told from it on {}",
        "single": "was compared on one seed only on {}",
    }
    groups = grouped(compared)
    parts = [
        Tex(text.format(_of(len(groups[key]), len(compared), negated=key == "unresolved")))
        for key, text in said.items()
        if key in groups
    ]
    return Tex(
        f"Compared with a random mask of the same size, the mask made from gradients {listing(parts)}."
    )


def _of(count: int, n: int, *, negated: bool) -> Tex:
    """Print a share of the networks."""
    if n == 1:
        return Tex("the one network")
    if count == n:
        return Tex(f"{'any of the' if negated else 'all'} {plural(n, 'network')}")
    return Tex(f"{word(count)} of {plural(n, 'network')}")


def _modes(frame: pd.DataFrame) -> Tex:
    largest = by_arm(frame, "pb_gradient", "drift_max_abs")
    if not largest:
        return Tex("")
    if max(largest.values()) == 0:
        return Tex(
            "In these runs, weights whose gradients the listing masks did stay where they were."
        )
    unmoved = span(list(by_arm(frame, "pb_gradient", "unmoved_percent").values()), 0)
    masked = span(list(by_arm(frame, "pb_gradient", "mask_zeros_percent").values()), 0)
    return Tex(
        "The published listing, which masks gradients only, does not freeze weights under AMSGrad: it "
        f"masks {masked} of them, but only {unmoved} keep their value."
    )


def _conclusion(frame: pd.DataFrame, reported: Reported) -> Tex:
    compared = compare(frame, "pb", "fb")
    if not compared:
        return Tex("Nothing can be concluded, since FB and PB did not both run.")
    groups = grouped(compared, within(margin(reported)))
    said = {
        "supported": "at most the source's own margin",
        "contradicted": "larger than the source's own margin",
        "undecided": "not settled with these seeds",
        "single": "not settled with one seed",
    }
    counted = [(len(groups[key]), text) for key, text in said.items() if key in groups]
    if len(compared) == 1:
        cost = f"For the one network compared, the loss of accuracy under PB is {counted[0][1]}."
    else:
        parts = listing([Tex(f"{text} on {word(count)}") for count, text in counted])
        cost = f"Of {plural(len(compared), 'network')}, the loss of accuracy under PB is {parts}."
    return Tex(f"{cost} {_worth(frame)}")


def _worth(frame: pd.DataFrame) -> str:
    """Say whether the gradient chose better than chance."""
    groups = grouped(compare(frame, "pb", "pb_random"))
    better, worse = len(groups.get("higher", [])), len(groups.get("lower", []))
    n = sum(map(len, groups.values()))
    if not n:
        return "Whether the gradient chooses weights better than chance was not tested."
    if better == n:
        return (
            "On every network compared the mask made from gradients is better than a random one of "
            "the same size: the size of a gradient on one batch does tell something about which "
            "weights may be frozen."
        )
    if not better:
        text = (
            "On no network compared is the mask made from gradients shown to be better than a random "
            "one of the same size: there is no evidence here that the size of a gradient on one batch "
            "tells which weights may be frozen"
        )
        return f"{text}, and some evidence to the contrary." if worse else f"{text}."
    return (
        f"The mask made from gradients is better than a random one of the same size on {word(better)} "
        f"of {plural(n, 'network')}: whether the size of a gradient on one batch tells which weights "
        "may be frozen depends on the network."
    )
