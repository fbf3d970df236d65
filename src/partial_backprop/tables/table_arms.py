"""All arms on four networks: accuracies, frozen counts and drift."""

from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import all_cnns, sentences
from partial_backprop.frames.aggregate import by_seed, runs_frame
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.report import image_pairs
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrrrrrr"
_WEIGHTS = ("masked", "zeros", "unmoved")
HEADER = (
    Row(("", Cell("Test accuracy (%)", 3), "", Cell("Weights (%)", 3), "")),
    Row(("", "last", "best on", "best on", "Difference to FB,", "", "natural", "", "Mean")),
    Row(("Arm", "epoch", "validation", "test", "last epoch (points)", *_WEIGHTS, "drift")),
)
_RULES = ("last", "best_on_validation", "paper_protocol")
_SHARES = ("mask_zeros_percent", "natural_zeros_percent", "unmoved_percent")


def _arms(frame: pd.DataFrame, experiment: str) -> list[str]:
    """Arms that ran, the known ones in their order, then any other."""
    ran = set() if frame.empty else set(frame.loc[frame["experiment"] == experiment, "arm"])
    return [arm for arm in labels.ARMS if arm in ran] + sorted(ran - set(labels.ARMS))


def _row(
    inputs: Inputs, frame: pd.DataFrame, experiment: str, arm: str
) -> tuple[dict[str, Any], Row]:
    values: dict[str, Any] = {"experiment": experiment, "arm": arm, "status": "run"}
    cells = [labels.arm(arm)]
    for rule in _RULES:
        accuracy = by_seed(frame, experiment, arm, "test_accuracy_percent", rule)
        over_seeds = summary(accuracy)
        cells.append(layout.spread(over_seeds))
        values["seeds"] = " ".join(map(str, accuracy.index))
        values["n_seeds"] = over_seeds.n
        values[f"{rule}_accuracy_percent_mean"] = over_seeds.mean
        values[f"{rule}_accuracy_percent_std"] = over_seeds.std
        for column in ("test_n_correct", "test_n_examples"):
            counts = by_seed(frame, experiment, arm, column, rule)
            values[f"{rule}_{column}"] = " ".join(str(int(count)) for count in counts)
    difference = image_pairs.difference(inputs.runs, frame, experiment, (arm, "fb"), "last")
    cells.append(layout.NONE if arm == "fb" else layout.interval(difference))
    for name in ("n_weights", "n_mask_zeros", "n_natural_zeros", "n_unmoved"):
        counts = by_seed(frame, experiment, arm, name)
        values[name] = " ".join(str(int(count)) for count in counts)
    for share in _SHARES:
        over_seeds = summary(by_seed(frame, experiment, arm, share))
        cells.append(layout.number(over_seeds.mean))
        values |= {f"{share}_mean": over_seeds.mean, f"{share}_std": over_seeds.std}
    drift = summary(by_seed(frame, experiment, arm, "drift_mean_abs"))
    cells.append(layout.significant(drift.mean))
    values |= {"drift_mean_abs_mean": drift.mean, "drift_mean_abs_std": drift.std}
    names = "difference_points_mean", "difference_points_low", "difference_points_high", "n_pairs"
    return values | dict(zip(names, difference[:4], strict=True)), Row(tuple(cells))


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the four networks.

    Returns
    -------
    Table
        One group of lines a network, one line an arm that ran.

    References
    ----------
    Seed 001, sections 3.2 and 4.1. The arms beyond ``fb`` and ``pb`` are its variants and listing,
    and controls of ours.
    """
    frame = runs_frame(inputs.runs)
    facts = all_cnns(inputs)
    rows, body = [], []
    for experiment, of_network in facts.items():
        if of_network is None:
            head = f"{labels.experiment(experiment)}: {layout.NOT_RUN}"
            rows.append({"experiment": experiment, "status": layout.NOT_RUN})
        else:
            head = of_network.where()
        body.append(Row((Cell(head, len(COLUMNS), "l"),), italic=True, rule_above=bool(body)))
        for arm in _arms(frame, experiment):
            values, row = _row(inputs, frame, experiment, arm)
            rows.append(values)
            body.append(row)
    return Table(pd.DataFrame(rows), COLUMNS, HEADER, tuple(body), _notes(inputs, frame, facts))


def _notes(inputs: Inputs, frame: pd.DataFrame, facts: dict[str, Any]) -> tuple[str, ...]:
    ran = sentences(facts.values())
    absent = [
        name
        for arm, name in labels.ARMS.items()
        if not any(arm in _arms(frame, experiment) for experiment in facts)
    ]
    missing = f" Not run at this scale: {'; '.join(absent)}." if absent else ""
    zeros = (
        f"{labels.CNNS[name]} "
        + layout.number(
            inputs.reported.entry("001", f"natural_zeros.{name}").values["natural_zeros_percent"], 1
        )
        for name in ("vgg19_cifar10", "lenet5_mnist")
    )
    return (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {' '.join(ran)}{missing}",
        "Mean ± sample standard deviation over seeds; weights and drift are means. The difference "
        "is over the seeds that both arms have; in brackets its 95 % interval by Student's t or, where it is "
        "wider and the records tell which images were right, of a bootstrap over seeds and test images (one "
        "seed: images alone). In brackets after the epochs: after which of them the learning rate falls to a "
        "tenth. Best on test is the protocol of the source's listing.",
        "Masked: frozen by the mask. Natural zeros: gradient exactly 0 on the batch that made the "
        "mask. Unmoved: final value equal, bit for bit, to the one when the last mask was made (FB: "
        "after Ω epochs; in bfloat16, which shares none, the first). Drift: mean change of masked "
        "weights, in absolute value, since then.",
        f"The source prints natural zeros of {' % and '.join(zeros)} % (section 4.1), on networks "
        "at full size.",
    )
