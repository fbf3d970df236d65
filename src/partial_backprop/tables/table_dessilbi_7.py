"""Density of each layer of LeNet-3 (seed 004, table 7)."""

from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_layers
from partial_backprop.tables.layout import Table


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``dessilbi_lenet3``, and the printed numbers.

    Returns
    -------
    Table
        Share and number of non-zero weights, layer by layer, beside the number of all.

    References
    ----------
    Seed 004, table 7.
    """
    return dessilbi_layers.build(inputs, "dessilbi_lenet3", 7)
