"""Density of each layer of Conv-4 (seed 004, table 9)."""

from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_layers
from partial_backprop.tables.layout import Table


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``dessilbi_conv4``, and the printed numbers.

    Returns
    -------
    Table
        Share and number of non-zero weights, layer by layer, beside the number of all.

    References
    ----------
    Seed 004, table 9.
    """
    return dessilbi_layers.build(inputs, "dessilbi_conv4", 9)
