"""What a table prints."""

from partial_backprop.report.layout import Cell, Row, Table


def cells(row: Row) -> list[str]:
    return [cell.text if isinstance(cell, Cell) else cell for cell in row.cells]


def texts(table: Table) -> list[list[str]]:
    """Cells of the body, each span once."""
    return [cells(row) for row in table.body]


def words(table: Table) -> str:
    """All cells and notes."""
    return " ".join([*(cell for line in texts(table) for cell in line), *table.notes])


def line(table: Table, *begins: str) -> list[str]:
    """Rest of the first line that begins so."""
    found = [line for line in texts(table) if line[: len(begins)] == list(begins)]
    assert found, begins
    return found[0][len(begins) :]
