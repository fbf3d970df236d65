"""Whether the figure of speed and memory shows something."""

from partial_backprop.inputs import Inputs


def drawn(inputs: Inputs) -> dict[str, bool]:
    """Tell which figures show something."""
    return {"figure_bench": any(one.curves for one in inputs.performance)}
