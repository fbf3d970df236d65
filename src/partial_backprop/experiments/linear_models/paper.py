"""Which figures of Lab 1 show something."""

from partial_backprop.inputs import Inputs


def drawn(inputs: Inputs) -> dict[str, bool]:
    """Tell which figures show something."""
    ran = any(run.record.experiment == "lab1" for run in inputs.runs)
    return {"figure_lab1": ran, "figure_lab1_all": ran}
