"""Time and memory of a training step by optimizer (seed 004, table 6)."""

from typing import Any

import pandas as pd

from partial_backprop import labels
from partial_backprop.facts import Facts, sentences
from partial_backprop.frames import cost_arms, inclusion_arms
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import step_costs
from partial_backprop.measurements.step_costs import CostReport
from partial_backprop.tables import dessilbi_rows, layout
from partial_backprop.tables.layout import Cell, Row, Table

COLUMNS = "llrrrrrr"
HEADER = (
    Row(("", "", Cell("Time of a step (ms)", 3), Cell("Memory (MiB)", 3))),
    Row(
        (
            "Network", "Optimizer", "whole", "update", "× SGD", "state", "weights, activ.", "all",
        )
    ),
)  # fmt: skip
MIB = 2**20


def build(inputs: Inputs) -> Table:
    """Build the table.

    Parameters
    ----------
    inputs : Inputs
        Runs of ``dessilbi_cost``, with the times beside them.

    Returns
    -------
    Table
        One line a network and optimizer, for the first seed of each network: median time of a step,
        of its update, and of the ratios to plain SGD in the same round; bytes of the optimizer's
        state, of weights and activations together, as the source's caption has it, and of all that
        a step needs.

    References
    ----------
    Seed 004, table 6: "GPU memory means the whole memory model weights and the activation cache".
    """
    runs = cost_arms.first_seeds(inputs.runs)
    rows, body = [], []
    for run in runs:
        report, times = step_costs.of(run.record), cost_arms.medians(run)
        for number, one in enumerate(report.optimizers):
            values = {"network": run.record.network.name, "seed": run.record.seed}
            values |= _memory(report, number) | times.get(one.name, {})
            rows.append(values)
            title = inclusion_arms.title(run.record.network.name) if number == 0 else ""
            head = (title, labels.OPTIMIZERS.get(one.name, one.name))
            body.append(Row((*head, *_cells(values)), rule_above=bool(body) and number == 0))
    if not body:
        body = [Row((Cell(layout.NOT_RUN, len(COLUMNS), "l"),))]
    frame = pd.DataFrame(rows, columns=None if rows else ["network", "optimizer"])
    return Table(frame, COLUMNS, HEADER, tuple(body), _notes(inputs, runs))


def _memory(report: CostReport, number: int) -> dict[str, Any]:
    one = report.optimizers[number]
    network = report.n_weight_bytes + report.n_activation_bytes
    return {
        "optimizer": one.name,
        "state_tensors": " ".join(f"{name}:{count}" for name, count in one.state.items()),
        "n_state_bytes": one.n_state_bytes(),
        "n_weight_bytes": report.n_weight_bytes,
        "n_gradient_bytes": report.n_gradient_bytes,
        "n_activation_bytes": report.n_activation_bytes,
        "n_network_bytes": network,
        "n_all_bytes": network + report.n_gradient_bytes + one.n_state_bytes(),
    }


def _cells(values: dict[str, Any]) -> tuple[str, ...]:
    nan = float("nan")
    times = (1e3 * values.get(name, nan) for name in ("step_s", "update_s"))
    memory = (values[f"n_{name}_bytes"] / MIB for name in ("state", "network", "all"))
    return (
        *(layout.number(value, 1) for value in times),
        layout.number(values.get("times_sgd", nan), 2),
        *(layout.number(value, 1) for value in memory),
    )


def _notes(inputs: Inputs, runs: list[Run]) -> tuple[str, ...]:
    told = sentences(
        Facts(
            inclusion_arms.title(run.record.network.name), run.record.network, run.record.data,
            None, (run.record.seed,), run.current,
        )
        for run in runs
    )  # fmt: skip
    text = " ".join(told) or f"The measurement of costs was {layout.NOT_RUN} at this scale."
    notes = [f"Scale {inputs.scale}: {inputs.title.rstrip('.')}. {text}"]
    if runs:
        machines = sorted({_machine(run) for run in runs})
        sizes = sorted({step_costs.of(run.record).batch_size for run in runs})
        notes.append(
            f"Medians over steps on one batch of {' or '.join(map(str, sizes))} images, all optimizers "
            f"in turn, on {', '.join(machines)}; on one thread, time that the processor gave. × SGD: "
            "median of the ratios within a round. State: what the optimizer keeps between steps; "
            "DessiLBI's are V, Γ, the momentum and the step in which each group entered. Activations: "
            "what the forward pass keeps for the backward pass. All: with gradients."
        )
    return (*notes, dessilbi_rows.source(inputs, 6))


def _machine(run: Run) -> str:
    provenance = run.record.provenance
    threads = "1 thread" if provenance.threads == 1 else f"{provenance.threads} threads"
    return f"{provenance.device} ({threads})"
