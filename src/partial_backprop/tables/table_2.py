"""Table 2: FB against PB over several seeds on four networks (seed 001, Table 2)."""

from partial_backprop.facts import as_in_source
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
    facts = as_in_source(inputs)
    frame = comparison.compare(inputs, "table_2")
    notes = (
        *comparison.notes(inputs, frame, facts),
        "Mean ± sample standard deviation over seeds. Differences are over the seeds that both arms have; "
        "in brackets the 95 % interval by Student's t over these pairs or, where it is wider and the records "
        "tell which images were right, of a bootstrap over seeds and test images (one seed: images alone).",
    )
    body = comparison.body(frame, facts, intervals=True)
    return Table(frame, comparison.COLUMNS, comparison.HEADER, body, notes)
