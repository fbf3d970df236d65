"""The table of docs/finetuning.md is that of the published records."""

from pathlib import Path

import pytest
from tests import fake_gradients

from partial_backprop.experiments.finetuning import results as finetuning
from partial_backprop.inputs import Run

ROOT = Path(__file__).parents[2]
N_WEIGHTS, ACTIVE = 1_000_000, {"fb": 1_000_000, "pb_5": 50_000, "head": 10_000}
ACCURACY = {"fb": 90.0, "pb_5": 89.0, "head": 80.0}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import finetuning_table

    return finetuning_table


def test_the_page_has_the_table_of_today(script):
    text = script.PAGE.read_text(encoding="utf-8")
    assert script.written(text) == text, "run python scripts/finetuning_table.py"


def run(arm: str, seed: int) -> Run:
    found = fake_gradients.record("full", seed, ACCURACY[arm] + seed)
    report = finetuning.FineTuning(
        weights="w",
        weights_sha256="0",
        side=64,
        n_weights=N_WEIGHTS,
        n_active=ACTIVE[arm],
        n_state_bytes=8 * ACTIVE[arm],
        n_position_bytes=0 if arm == "fb" else 2 * ACTIVE[arm],
        n_file_bytes=5 * ACTIVE[arm],
        n_peak_bytes_with_mask=None,
        n_peak_bytes=None if arm == "head" else 400_000_000,
        delta_is_exact=None,
    )
    update = {
        "experiment": "finetune",
        "arm": arm,
        "measurements": {finetuning.KEY: report.model_dump()},
    }
    return Run(Path(f"{arm}{seed}"), found.model_copy(update=update))


def test_lines_are_those_of_the_records(script):
    lines = script.table([run(arm, seed) for arm in ACTIVE for seed in (0, 1)]).splitlines()
    fb, pb, head = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:])
    assert fb[1:] == ["0, 1", "100.00", "90.50 ± 0.71", "", "8.00", "5.00", "400"]
    assert pb[1:] == ["0, 1", "5.00", "89.50 ± 0.71", "-1.00", "0.50", "0.25", "400"]
    assert head[5:] == ["0.10", "0.05", "–"]


def test_without_records_nothing_has_run(script):
    assert "|" not in script.table([])
