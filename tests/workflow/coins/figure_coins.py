"""Figure: how often coins fall on heads."""

from matplotlib.figure import Figure

from partial_backprop import labels
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs
from partial_backprop.report.frame import results, select


def draw(inputs: Inputs) -> Figure:
    """Draw a point for each seed of each coin."""
    figure, panels = style.panels([2.0], 1, 0.3)
    panel = panels.flat[0]
    frame = results(inputs.runs).frame
    for place, arm in enumerate(("fair", "loaded")):
        values = select(frame, "heads_percent", experiment="coins", arm=arm)
        panel.plot([place] * len(values), values, "o", label=labels.arm(arm))
    panel.set_ylabel("Heads (%)")
    panel.legend()
    return figure
