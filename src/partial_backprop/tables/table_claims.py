"""The claims of the sources with their verdicts: the CSV has all, the print those of the first pages."""

from collections.abc import Sequence

from partial_backprop import labels
from partial_backprop.inputs import Inputs
from partial_backprop.report import ledger
from partial_backprop.report.verdict import Judgement
from partial_backprop.tables import layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "lrrcrcl"
HEADER = (Row(("", "Reported", "Measured", "95 % interval", "Margin", "Seeds", "Verdict")),)


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, printed numbers and claims.

    Returns
    -------
    Table
        In print a group of lines per experiment, whose heading says how its runs fall short of the
        source's terms.
    """
    judged = ledger.ledger(inputs)
    body: list[Row] = []
    for experiment, group in _groups(judged).items():
        tags = ", ".join(dict.fromkeys(tag for found in group for tag in found.tags))
        title = labels.experiment(experiment) + (f": {tags}" if tags else "")
        body.append(Row((Cell(title, len(COLUMNS), "l"),), rule_above=bool(body)))
        body += [Row(_cells(found)) for found in group]
    notes = (f"Scale {inputs.scale}: {inputs.title.rstrip('.')}.",)
    return Table(ledger.frame(judged), COLUMNS, HEADER, tuple(body), notes)


def _groups(judged: Sequence[Judgement]) -> dict[str, list[Judgement]]:
    groups: dict[str, list[Judgement]] = {}
    for found in judged:
        if found.claim.main:
            experiment = found.claim.what.experiment
            last = experiment if isinstance(experiment, str) else experiment[-1]
            groups.setdefault(last, []).append(found)
    return groups


def _cells(found: Judgement) -> tuple[str, ...]:
    decimals = 3 if found.claim.what.metric.startswith("bleu") else 2
    numbers = [layout.number(value, decimals) for value in (found.reported, found.estimate)]
    ends = [layout.number(value, decimals) for value in (found.low, found.high)]
    interval = f"[{ends[0]}, {ends[1]}]" if found.low < found.high else layout.NONE
    margin = layout.significant(found.margin) if found.margin else layout.NONE
    return (
        found.claim.short.partition(": ")[2],
        *numbers,
        interval,
        margin,
        str(found.n_seeds or layout.NONE),
        in_words(found),
    )


def in_words(found: Judgement) -> str:
    """Name a verdict, with its reason.

    Parameters
    ----------
    found : Judgement
        A judged claim.

    Returns
    -------
    str
        Such as ``undecided: one seed``.
    """
    reasons = [found.reason.replace("_", " ")] if found.reason else []
    reasons += ["images only"] if found.method == "images" else []
    return ": ".join([found.verdict, ", ".join(reasons)] if reasons else [found.verdict])
