"""Full and sparse accuracy for several values of κ (seed 004, table 2)."""

from partial_backprop.inputs import Inputs
from partial_backprop.tables import dessilbi_best
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
        Accuracy of the full and the sparse network by κ; the first line of each is by the source's
        rule, the best epoch on the test set.

    References
    ----------
    Seed 004, table 2.
    """
    return dessilbi_best.build(inputs, "kappa", 2)
