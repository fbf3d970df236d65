"""Density and sparse accuracy at four epochs for several values of κ (seed 004, table 3)."""

from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_epochs
from partial_backprop.tables.layout import Table


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of the experiments on κ and ν.

    Returns
    -------
    Table
        Share of non-zero weights and accuracy of the sparse network as the path grows, by κ.

    References
    ----------
    Seed 004, table 3, whose sparsity is a share of weights that are not zero.
    """
    return dessilbi_epochs.build(inputs, "kappa", 3)
