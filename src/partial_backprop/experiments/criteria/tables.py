"""Rows of the table of criteria."""

from typing import Any

from partial_backprop import facts, folders
from partial_backprop.report.tables import Context

ABOUT = folders.about("criteria")


def arms(context: Context, experiment: str) -> list[dict[str, Any]]:
    """List the arms that ran."""
    own = {run.record.arm for run in context.results.runs if run.record.experiment == experiment}
    return [{"name": name, "at": {"arm": arm}} for arm, name in ABOUT.arms.items() if arm in own]


def words(context: Context) -> dict[str, str | None]:
    """Return the networks that ran."""
    found = {
        name: facts.of_runs(name, title, context.results.runs)
        for name, title in ABOUT.experiments.items()
    }
    return {name: one.name() if one else ABOUT.experiments[name] for name, one in found.items()}
