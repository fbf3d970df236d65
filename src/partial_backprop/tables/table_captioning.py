"""BLEU of a captioning decoder under FB and PB, by the way of decoding (seed 001, section 4.2)."""

from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.frames import caption_arms
from partial_backprop.frames.caption_arms import ARMS, COUNTS, DECODINGS, MARKED, pick, share
from partial_backprop.inputs import Inputs
from partial_backprop.intervals import summary
from partial_backprop.measurements.captions import EXPERIMENT, ORDERS, SEED
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrrrrrrr"
HEADER = (
    Row(("", Cell("BLEU-n, five references", 4), "One reference", Cell("Weights (%)", 3))),
    Row(("Arm", *(f"n = {n}" for n in ORDERS), "n = 4", "masked", "zeros", "unmoved")),
)
GROUPS = ("beam", "greedy", "teacher", *MARKED)
"""Ways of decoding, in the order of the table: the source's own first."""
_SHARES = ("mask_zeros_percent", "natural_zeros_percent", "unmoved_percent")
_QUANTITIES = (*(f"bleu_{n}" for n in ORDERS), "bleu_4_one", *_SHARES)
_RAW = ("what", "arm", "decoding", "references", "seeds", "n_seeds")
_RAW += tuple(f"{name}_{what}" for name in _QUANTITIES for what in ("mean", "std")) + COUNTS
"""Columns of the CSV, whatever ran."""


def _arms(found: pd.DataFrame) -> list[str]:
    """Arms that ran, the known ones in their order, then any other."""
    ran = set(found["arm"])
    return [arm for arm in ARMS if arm in ran] + sorted(ran - set(ARMS))


def _row(
    found: pd.DataFrame, frozen: pd.DataFrame, arm: str, decoding: str, references: str
) -> tuple[dict[str, Any], Row]:
    values: dict[str, Any] = {"what": "measured", "arm": arm, "decoding": decoding}
    values["references"] = references
    cells = [labels.arm(arm) if references == "five" else f"{labels.arm(arm)}, next image"]
    of = {"decoding": decoding, "references": references}
    scores = {f"bleu_{n}": pick(found, arm, f"bleu_{n}", **of) for n in ORDERS}
    if references == "five":
        scores["bleu_4_one"] = pick(found, arm, decoding=decoding, references="one")
    for name, series in scores.items():
        over_seeds = summary(series)
        values["seeds"], values["n_seeds"] = " ".join(map(str, series.index)), over_seeds.n
        values |= {f"{name}_mean": over_seeds.mean, f"{name}_std": over_seeds.std}
        cells.append(layout.spread(over_seeds, 3))
    for name in COUNTS:
        values[name] = " ".join(str(int(count)) for count in pick(found, arm, name, **of))
    cells += [""] * (6 - len(cells))
    for name in _SHARES:
        over_seeds = summary(share(frozen, arm, name))
        values |= {f"{name}_mean": over_seeds.mean, f"{name}_std": over_seeds.std}
        shown = decoding == GROUPS[0] and references == "five"
        cells.append(layout.number(over_seeds.mean) if shown else "")
    return values, Row(tuple(cells))


def _printed(inputs: Inputs, arm: str) -> tuple[dict[str, Any], Row]:
    found = inputs.reported.entry(SEED, f"captioning.{arm}").values
    bleu, masked = found["bleu_4"], found.get("frozen_percent", float("nan"))
    values = {"what": "printed", "arm": arm, "bleu_4_mean": bleu, "mask_zeros_percent_mean": masked}
    cells = (labels.arm(arm), "", "", "", layout.number(bleu, 3), "", layout.number(masked), "", "")
    return values, Row(cells, italic=True)


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``captioning``, and the printed numbers.

    Returns
    -------
    Table
        One group of lines a way of decoding, one line an arm; a control whose captions are of
        another image; the printed numbers.

    References
    ----------
    Seed 001, section 4.2. The arms beyond ``fb`` and ``pb`` are controls of ours.
    """
    found, frozen = caption_arms.frame(inputs.runs), caption_arms.frozen(inputs.runs)
    arms = _arms(found)
    rows, body = [], []

    def group(head: str, made: list[tuple[dict[str, Any], Row]]) -> None:
        body.append(Row((Cell(head, len(COLUMNS), "l"),), italic=True, rule_above=bool(body)))
        rows.extend(values for values, _ in made)
        body.extend(row for _, row in made)

    width = _beam(inputs)
    for decoding in GROUPS:
        head = (DECODINGS | MARKED)[decoding].capitalize()
        head += f", {width} at a time" if decoding == "beam" and width else ""
        ran = arms if found["decoding"].eq(decoding).any() else []
        head += "" if ran else f": {layout.NOT_RUN}"
        group(head, [_row(found, frozen, arm, decoding, "five") for arm in ran])
        if decoding == "beam" and arms:
            made = _row(found, frozen, arms[0], decoding, "shuffled")
            rows.append(made[0])
            body.append(made[1])
    where = inputs.reported.entry(SEED, "captioning.fb").data
    group(f"Printed in the source, on {where}", [_printed(inputs, arm) for arm in ("fb", "pb")])
    return Table(pd.DataFrame(rows, columns=_RAW), COLUMNS, HEADER, tuple(body), _notes(inputs))


def _beam(inputs: Inputs) -> int | None:
    widths = {report.beam for _, report in caption_arms.reports(inputs.runs)}
    return widths.pop() if len(widths) == 1 else None


def _notes(inputs: Inputs) -> tuple[str, ...]:
    said = caption_arms.lines(inputs.runs)
    ran = " ".join(said) or f"{labels.experiment(EXPERIMENT)} was {layout.NOT_RUN} at this scale."
    return (
        f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {ran}",
        "BLEU between 0 and 1 on the test images, by the weights of the epoch of highest BLEU-4 on the "
        "validation part; mean ± sample standard deviation over seeds. Five references: all captions "
        "of an image at once. One reference: each of them after the other, all pairs counted. "
        "Teacher-forced: every word is predicted from the true ones before it; with marks, as the public "
        "reference counts, the end is a word and unknown words match one another. Next image: a control, "
        "captions against the references of the image that follows.",
        "Masked: frozen by the mask. Zeros: gradient exactly 0 on the batch that made the mask, as in the "
        "embedding that of every word which the batch lacks. "
        "Unmoved: final value equal, bit for bit, to the one when the mask was made (FB: after Ω "
        "epochs). Means over seeds.",
        "Printed: in the source (section 4.2), of one run, which does not say how its captions were "
        "decoded and with how many references they were compared.",
    )
