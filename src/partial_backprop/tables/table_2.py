"""Table 2: FB against PB over several seeds on four networks (seed 001, Table 2)."""

from partial_backprop.facts import cnns
from partial_backprop.inputs import Inputs
from partial_backprop.tables import comparison
from partial_backprop.tables.layout import Table


def build(inputs: Inputs) -> Table:
    """Build the table from all seeds.

    Parameters
    ----------
    inputs : Inputs
        Runs of the four networks, their gradient samples, and the printed numbers.

    Returns
    -------
    Table
        Three lines a network: paper's protocol, last epoch, printed numbers.

    References
    ----------
    Seed 001, section 4.1 and Table 2.
    """
    facts = cnns(inputs)
    frame = comparison.compare(inputs, "table_2")
    notes = (
        *comparison.notes(inputs, frame, facts),
        "Mean ± sample standard deviation over seeds. The difference is taken seed by seed; in "
        "brackets its 95 % interval by Student's t over these pairs.",
    )
    body = comparison.body(frame, facts, intervals=True)
    return Table(frame, comparison.COLUMNS, comparison.HEADER, body, notes)
