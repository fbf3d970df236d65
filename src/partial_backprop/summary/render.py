"""Print a summary: plain as Keras does, rich in a terminal, as JSON or as LaTeX."""

import dataclasses
import importlib.util
import json

from partial_backprop.summary.layers import Layer, Summary

COLUMNS = ("Layer (type)", "Output Shape", "Param #", "Gradients")
MULTIPLE = "multiple"
"""What Keras prints for a layer whose calls have no one output shape."""

# Where Keras ends its three columns in a line of 65, of which the last character stays blank.
_ENDS = (29, 55, 65)
_GAP = 7  # the seed has a tab before its fourth column, which takes a line to 72

_LATEX = str.maketrans({character: f"\\{character}" for character in "_#%&${}"})


def _shape(layer: Layer) -> str:
    if layer.output_shape is None:
        return MULTIPLE
    inner = ", ".join(str(size) for size in layer.output_shape)
    return f"({inner},)" if len(layer.output_shape) == 1 else f"({inner})"


def cells(layer: Layer) -> tuple[str, str, str, str]:
    """Print a layer's four cells, none of them cut."""
    indices = ",".join(str(weight.index) for weight in layer.weights)
    return (
        f"{layer.name} ({layer.type})",
        _shape(layer),
        str(layer.n_entries),
        f"[{indices}]" if layer.weights else "",
    )


def totals(summary: Summary) -> tuple[str, str, str]:
    """Print the three sums below the table."""
    return (
        f"Total params: {summary.n_total:,}",
        f"Trainable params: {summary.n_trainable:,}",
        f"Non-trainable params: {summary.n_non_trainable:,}",
    )


def _line(row: tuple[str, ...]) -> str:
    line = ""
    for cell, end in zip(row, _ENDS, strict=False):
        line = f"{line}{cell}"[: end - 1].ljust(end)
    return f"{line}{' ' * _GAP}{row[-1]}".rstrip()


def text(summary: Summary) -> str:
    """Print a summary as Keras does, with the seed's fourth column."""
    # Source: gradient_notes, the summary
    rows = [cells(layer) for layer in summary.layers]
    width = max([_ENDS[-1] + _GAP + len(row[-1]) for row in (*rows, COLUMNS)])
    thin, thick = "_" * width, "=" * width
    lines = [f'Model: "{summary.name}"', thin, _line(COLUMNS), thick]
    lines.append(f"\n{thin}\n".join(_line(row) for row in rows))
    return "\n".join([*lines, thick, *totals(summary), thin, *summary.notes])


def rich(summary: Summary) -> str | None:
    """Print a summary for a terminal, with nothing cut."""
    if importlib.util.find_spec("rich") is None:
        return None
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f'Model: "{summary.name}"', title_justify="left")
    for column, style in zip(COLUMNS, ("cyan", "default", "green", "magenta"), strict=True):
        right = column == "Param #"
        table.add_column(column, style=style, justify="right" if right else "left")
    for layer in summary.layers:
        name, shape, _, indices = cells(layer)
        # Text and not str, in which rich would read [0,1] as a style.
        table.add_row(*map(Text, (name, shape, f"{layer.n_entries:,}", indices)))
    console = Console(force_terminal=True)
    with console.capture() as captured:
        console.print(table)
        for line in (*totals(summary), *summary.notes):
            console.print(Text(line))
    return captured.get().rstrip("\n")


def as_json(summary: Summary) -> str:
    """Print everything that a summary knows as JSON."""
    content = dataclasses.asdict(summary)
    content["n_total"] = summary.n_total
    return json.dumps(content, indent=1)


def latex(summary: Summary) -> str:
    r"""Print a summary as a LaTeX ``tabular``; it needs the package booktabs."""
    rows = [" & ".join(cell.translate(_LATEX) for cell in cells(one)) for one in summary.layers]
    header = " & ".join(cell.translate(_LATEX) for cell in COLUMNS)
    below = [line.translate(_LATEX) for line in (*totals(summary), *summary.notes)]
    lines = [r"\begin{tabular}{llrl}", r"\toprule", rf"{header} \\", r"\midrule"]
    lines += [rf"{row} \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", *(rf"\par {line}" for line in below)]
    return "\n".join(lines)
