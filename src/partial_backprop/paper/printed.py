"""The source's printed numbers beside ours, and how far the two can be compared."""

import math

import pandas as pd

from partial_backprop import labels
from partial_backprop.paper.compare import by_arm, compare, name
from partial_backprop.paper.numbers import decimal, difference, listing, points
from partial_backprop.paper.text import Tex
from partial_backprop.reported import Reported

SEED = "001"


def sentences(frame: pd.DataFrame, reported: Reported) -> dict[str, Tex]:
    """Set measured differences beside the printed ones.

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
        "conditions": _conditions(frame, reported),
        "differences": _differences(frame, reported),
        "margin": decimal(margin(reported), 2),
    }


def margin(reported: Reported) -> float:
    """Find the largest loss that the source itself calls slight.

    Parameters
    ----------
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    float
        Percentage points: FB minus PB in Table 1, the largest of the four networks.
    """
    return -min(_difference(reported, "table_1", experiment) for experiment in labels.CNNS)


def _difference(reported: Reported, table: str, experiment: str) -> float:
    values = reported.entry(SEED, f"{table}.{experiment}").values
    return values["pb_accuracy_percent"] - values["fb_accuracy_percent"]


def like_with_like(frame: pd.DataFrame, reported: Reported) -> list[str]:
    """List the experiments that ran on the source's data, network and number of epochs.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `aggregate.runs_frame`; may be empty.
    reported : Reported
        Numbers printed in the sources.

    Returns
    -------
    list of str
        Experiments.
    """
    epochs = reported.entry(SEED, "training").values["epochs"]
    found = []
    for experiment in labels.CNNS if len(frame) else ():
        rows = frame[(frame["experiment"] == experiment) & frame["arm"].isin(("fb", "pb"))]
        printed = reported.entry(SEED, f"table_2.{experiment}").data
        same_data = (rows["data"].map(labels.data) == printed).all()
        if len(rows) and same_data and rows["full_size"].all() and (rows["epochs"] == epochs).all():
            found.append(experiment)
    return found


def _conditions(frame: pd.DataFrame, reported: Reported) -> Tex:
    alike = like_with_like(frame, reported)
    other = [experiment for experiment in by_arm(frame, "fb") if experiment not in alike]
    text = []
    if alike:
        names = listing([name(frame, experiment) for experiment in alike])
        text.append(f"Data, network and number of epochs are the source's for {names}.")
    if other:
        names = listing([name(frame, experiment) for experiment in other])
        text.append(
            f"For {names} the data, the size of the network or the number of epochs differ from the "
            "source's: there its printed numbers stand beside ours for orientation only, and the "
            "verdicts below are about the claim as such, not about the printed number."
        )
    return Tex(" ".join(text))


def _differences(frame: pd.DataFrame, reported: Reported) -> Tex:
    items = []
    for item in compare(frame, "pb", "fb", "paper_protocol"):
        printed = _difference(reported, "table_2", item.experiment)
        measured = item.difference
        place = "inside our interval" if measured.low <= printed <= measured.high else "outside it"
        place = "we have one seed and no interval" if math.isnan(measured.low) else place
        items.append(
            Tex(f"{item.name} {difference(measured)}, printed {points(printed)} ({place})")
        )
    if not items:
        return Tex("No difference was measured that could be set beside the printed ones.")
    return Tex(
        "Under the source's own protocol, the best epoch on the test set, PB minus FB in points is, "
        f"beside the difference of the source's averages: {'; '.join(items)}."
    )
