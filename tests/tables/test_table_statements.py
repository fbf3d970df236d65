"""The true/false questions: answers as printed, evidence as measured."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
from tests import fake_labs

from partial_backprop.experiments.linear_models import results as linear
from partial_backprop.experiments.linear_models.results import Course, LinearReport
from partial_backprop.inputs import Inputs
from partial_backprop.record import Record
from partial_backprop.report import tables
from partial_backprop.run_config import RunConfig


def lab1(
    method: str, ends: dict[float | None, tuple[float, ...]], losses: tuple[float, ...]
) -> Record:
    """Make up a descent from zero that jumps to its end, with the losses of its last steps."""
    courses = tuple(
        Course(
            strength=strength,
            losses=(51.0, *losses),
            weights=((0.0,) * 5, *[end] * len(losses)),
        )
        for strength, end in ends.items()
    )
    report = LinearReport(
        x=((1, -2, -1, -1, 1), (2, -1, 2, 0, -2), (-1, 0, 2, 2, 1)),
        y=(7, 1, 1),
        sparsest=(0, -3, 0, 0, 1),
        learning_rate=0.02,
        n_steps=len(losses),
        updates_per_step=1,
        courses=courses,
    )
    arm = f"{method}_full_batch"
    config = RunConfig(scale="fake", experiment=linear.EXPERIMENT, arm=arm, seed=0)
    template = fake_labs.record("lab2_pruning", "finetune", 0)
    return template.model_copy(
        update={
            "experiment": linear.EXPERIMENT,
            "arm": arm,
            "config": config,
            "config_sha256": config.sha256(),
            "data": None,
            "network": None,
            "selections": (),
            "measurements": {linear.KEY: report.model_dump(mode="json")},
        }
    )


LAB1 = (
    lab1("l1", {0.2: (0.04, -2.9, 0, 0.01, 0.9), 2.0: (0.2, -2, 0.3, 0.01, 0.5)}, (0.5, 0.2) * 30),
    lab1("proximal", {0.2: (0, -2.9, 0, 0, 0.9)}, (0.0068,) * 60),
    lab1("trimmed", {1.0: (0, -3, 0, 0, 1)}, (1e-28,) * 60),
    lab1("projected", {None: (0, -3, 0, 0, 1)}, (1e-27,) * 60),
)


def test_answers_are_the_source_s(shared_data: Path) -> None:
    (path,) = (shared_data.parent / "seeds").glob("003_*.txt")
    found = re.findall(r"^Problem (1\.\d+) – (True|False)$", path.read_text(encoding="utf-8"), re.M)
    frame = tables.build("table_statements", fake_labs.inputs(())).frame
    assert [(row.statement, str(row.answer)) for row in frame.itertuples()] == found


def row(inputs: Inputs, statement: str) -> pd.Series:
    frame = tables.build("table_statements", inputs).frame
    return frame.set_index("statement").loc[statement]


def test_pruning_with_quantization_is_set_beside_each_alone() -> None:
    found = row(fake_labs.inputs(), "1.1")
    assert found["joint_4bit_accuracy_percent"] == 83
    for text in ("83.00 %", "80.92 % zeros", "88.00 %", "84.00 %", "90.00 %"):
        assert text in found["evidence"]


def test_distinct_values_are_counted_without_the_zeros() -> None:
    found = row(fake_labs.inputs(seeds=(0, 1)), "1.3")
    counts = fake_labs.layer_counts("global", 0.8, None)
    inner = [
        one for one in counts if one.prunable and "head" not in one.name and "fc" not in one.name
    ]
    left = sum(one.n_weights - one.n_zeros for one in inner)
    # Every weight of the made-up network has a value of its own.
    assert found["nonzero_weights"] == found["distinct_nonzero_values"] == left
    assert found["joint_4bit_values_max"] == 17
    assert f"{left:,}" in found["evidence"]


def test_evidence_from_the_linear_models() -> None:
    inputs = fake_labs.inputs((), more=LAB1)
    lasso = row(inputs, "1.4")
    assert (lasso["l1_weights_near_zero_min"], lasso["projected_weights_zero"]) == (1, 3)
    assert "3 / 1 of 5" in lasso["evidence"]
    assert "0.2 / 2" in lasso["evidence"]
    bias = row(inputs, "1.5")
    assert bias["proximal_loss_max"] == 0.0068
    assert bias["trimmed_loss_max"] == 1e-28
    assert "1.0×10⁻²⁸" in bias["evidence"]
    smooth = row(inputs, "1.7")
    assert (smooth["l1_noise_max"], smooth["proximal_noise_max"]) == (pytest.approx(0.3), 0)


def test_what_the_quantizer_lets_the_loss_see() -> None:
    found = row(fake_labs.inputs(without=["finetune_3bit"]), "1.9")
    assert found["values_max_4bit"] == 16
    assert math.isnan(found["values_max_3bit"])


def test_nothing_is_claimed_without_a_run() -> None:
    frame = tables.build("table_statements", fake_labs.inputs(())).frame
    assert len(frame) == 10
    assert frame["evidence"].nunique() == 2  # not run, or without an experiment
    assert frame.drop(columns=["line"]).select_dtypes("number").isna().all(axis=None)


def test_every_line_fits() -> None:
    table = tables.build("table_statements", fake_labs.inputs(more=LAB1))
    assert max(len(one.cells[1]) for one in table.body) <= 38
    assert max(len(one.cells[3]) for one in table.body) <= 64
    listed = " ".join(one.cells[0] for one in table.body).split()
    assert listed == [f"1.{number}" for number in range(1, 11)]
