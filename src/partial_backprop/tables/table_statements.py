"""The true/false questions of seed 003, its answers, and what our runs say about them."""

import itertools
import textwrap
from typing import Any

import pandas as pd

from partial_backprop.frames.points import LAB2, LAB3
from partial_backprop.inputs import Inputs
from partial_backprop.tables import evidence, lab_rows
from partial_backprop.tables.layout import Row, Table

SUBJECTS = {
    "1.1": "pruning and quantization can coexist, given a mask of what is pruned",
    "1.2": "without hardware of its own, sparsity without structure is hardly faster",
    "1.3": "deep compression needs both; without quantization there is no Huffman coding",
    "1.4": "after the Lasso one small threshold gives the sparsity of iterative pruning",
    "1.5": "soft thresholding has the bias of ℓ1, which trimming removes",
    "1.6": "group Lasso empties whole groups: less sparsity, more speed on a GPU",
    "1.7": "the proximity term makes convergence smoother",
    "1.8": "early exits find easy data early, against overfitting and overthinking",
    "1.9": "with the STE weights train in full precision, the loss sees them quantized",
    "1.10": "bits chosen layer by layer trade size for accuracy better than fixed bits",
}
"""What the source's explanation of each answer says, in our words."""

COLUMNS = "llll"
HEADER = (Row(("", "Explanation, in our words", "Answer", "Measured here")),)
_WIDTHS = (38, 64)
"""Characters a line of the explanation and of the evidence."""


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``lab1``, ``lab2_pruning`` and ``lab3_quantization``, and the printed answers.

    Returns
    -------
    Table
        As many lines a statement as its explanation and the evidence need.

    References
    ----------
    Seed 003, section 1, which has answers and explanations but not the statements.
    """
    rows, body = [], []
    for statement, subject in SUBJECTS.items():
        entry = inputs.reported.entry(lab_rows.SEED, f"statement.{statement}")
        found = evidence.gather(inputs, statement)
        values: dict[str, Any] = {"statement": statement, "line": entry.line}
        values |= {"answer": entry.answer, "explanation": subject, "evidence": found.text}
        rows.append(values | found.values)
        answer = "true" if entry.answer else "false"
        body += _wrapped(statement, subject, answer, found.text)
    frame = pd.DataFrame(rows)
    return Table(frame, COLUMNS, HEADER, tuple(body), _notes(inputs))


def _wrapped(statement: str, subject: str, answer: str, text: str) -> list[Row]:
    explained, measured = (
        textwrap.wrap(long, width) for long, width in zip((subject, text), _WIDTHS, strict=True)
    )
    lines = itertools.zip_longest([statement], explained, [answer], measured, fillvalue="")
    return [Row(cells, rule_above=number == 0) for number, cells in enumerate(lines)]


def _notes(inputs: Inputs) -> tuple[str, ...]:
    return (
        lab_rows.ran(inputs, LAB2, LAB3),
        "The source prints an answer and an explanation to each statement, but not the statement: what is "
        "true or false can only be guessed. What we measure bears on the explanation. Accuracies are of "
        "the last epoch, means over seeds.",
        f"Answers: {inputs.reported.documents[lab_rows.SEED].source}, section 1.",
    )
