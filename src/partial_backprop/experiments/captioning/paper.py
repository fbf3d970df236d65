"""Which figures of captions show something."""

from partial_backprop.experiments.captioning import caption_arms
from partial_backprop.inputs import Inputs


def drawn(inputs: Inputs) -> dict[str, bool]:
    """Tell which figures show something."""
    captioned = {run.record.arm for run, _ in caption_arms.reports(inputs.runs)}
    return {"figure_4": "pb" in captioned, "figure_5": bool(captioned)}
