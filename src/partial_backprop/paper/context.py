"""What the templates may name: the data of a scale. Words are theirs alone."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from partial_backprop import folders, labels, stamps
from partial_backprop.inputs import Inputs
from partial_backprop.paper import hooks, numbers, printed, setup
from partial_backprop.paper.text import Tex, declarations, escape
from partial_backprop.report.claims import read as read_claims
from partial_backprop.report.frame import results, select
from partial_backprop.report.judge import by_id
from partial_backprop.report.ledger import judge_all, of_scale
from partial_backprop.report.verdict import Judgement


def _drawn(inputs: Inputs, figures: Iterable[Path], ledger: Sequence[Judgement]) -> set[str]:
    """Name the figures that show something: those of what did not run stay out of the article."""
    shown = {"figure_claims": any(found.claim.short for found in ledger)}
    for one in hooks.of("drawn"):
        shown |= one(inputs)
    return {path.stem for path in figures if shown.get(path.stem, True)}


def _made_of(paths: Iterable[Path]) -> dict[str, str]:
    """Table or figure -> the beginning of the hash over the records that its stamp names."""
    found = {}
    for path in paths:
        product = path.with_suffix(".csv") if path.suffix == ".tex" else path
        made_from = stamps.made_from(product) or {}
        hashes = [made_from[key] for key in sorted(made_from) if key.endswith("record.json")]
        found[path.stem] = (
            hashlib.sha256("".join(hashes).encode()).hexdigest()[:8] if hashes else ""
        )
    return found


def _reader(inputs: Inputs) -> Callable[..., float | None]:
    frame = results(inputs.runs).frame

    def mean(metric: str, experiment: str, arm: str, **where: Any) -> float | None:
        """Mean over seeds; none where nothing ran."""
        where = {"layer": None, "experiment": experiment, "arm": arm} | where
        found = select(frame, metric, **where)
        return float(found.mean()) if len(found) else None

    return mean


def code(value: object) -> Tex:
    """Print a key or value in typewriter letters that may break at its joints."""
    text = escape(value)
    for joint in (".", r"\_", "/", ",", "=", "-"):
        text = text.replace(joint, rf"{joint}\allowbreak{{}}")
    return Tex(rf"\texttt{{{text}}}")


def context(inputs: Inputs, tables: Iterable[Path], figures: Iterable[Path]) -> dict[str, Any]:
    """Gather what the templates may name."""
    tables, figures = list(tables), list(figures)
    sources = read_claims(inputs.config_dir, inputs.reported)
    judged = judge_all(inputs)
    ledger = of_scale(judged, inputs)
    ran = {run.record.experiment for run in inputs.runs}
    terms = {name: found for source in sources for name, found in source.conditions.items()}
    parts = {path.stem: printed.read(path) for path in tables}
    lines = setup.setups(inputs, terms)
    groups = folders.groups(inputs.config_dir)
    more = [one(inputs, ledger) for one in hooks.of("context")]
    return {key: value for part in more for key, value in part.items()} | {
        "scale": inputs.scale,
        "thresholds": inputs.thresholds,
        "ran": ran,
        "idle": [labels.experiment(name) for name in setup.in_order(inputs.planned() - ran)],
        "has": {name: bool(ran.intersection(members)) for name, members in groups.items()},
        "ledger": ledger,
        "claim": by_id(judged),
        "mean": _reader(inputs),
        "setups": lines,
        "data": {line.data.name for line in lines if line.data},
        "stand_ins": sorted(
            {(line.data_name, line.stands_for) for line in lines if line.stands_for}
        ),
        "machines": setup.machines(inputs),
        "outdated": [run for run in inputs.runs if not run.current],
        "busy": any(one.machine.load > one.machine.n_cores / 2 for one in inputs.performance),
        "goals": [q for one in inputs.performance for q in one.quantities if q.goal],
        "tables": {name: part for name, part in parts.items() if part.says_something},
        "figures": _drawn(inputs, figures, ledger),
        "made_of": _made_of([*tables, *figures]),
        "claimed": numbers.claimed,
        "measured": numbers.measured,
        "code": code,
        "unicode_declarations": declarations(),
    }
