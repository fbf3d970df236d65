"""Benchmarks measure what they say; how fast it goes is not asserted."""

import base64
import json

import numpy as np
import pytest
import torch

from benchmarks import growth, kde, pipeline
from partial_backprop.training import checkpoint


def test_drawn_gradients_are_heavy_tailed_and_the_same_twice():
    drawn = kde.gradients(10_000)
    assert torch.equal(drawn, kde.gradients(10_000))
    assert drawn.dtype == torch.float32
    sizes = drawn.abs()
    assert float(sizes.max() / sizes.median()) > 30
    assert abs(float(drawn.mean())) < 0.1 * float(drawn.std())


def test_our_density_is_scipy_s():
    found = kde.deviation(np.abs(kde.gradients(kde.N_SUBSAMPLE, seed=2).numpy()))
    assert 0 < found.low <= found.median <= found.high < 1  # percent
    assert found.n > 10


@pytest.mark.parametrize("name", growth.MASKS)
def test_masks_of_any_size_are_made(name):
    taken, mib = growth._mask(2000, name, 2, 1)
    assert len(taken) == 2
    assert min(taken) > 0
    assert mib >= 0


@pytest.mark.parametrize("name", ["fb", "pb"])
def test_a_step_moves_weights(name, monkeypatch):
    monkeypatch.setattr(growth, "without_compiler", lambda: 0)
    made = growth.parameters(1000)
    assert sum(parameter.numel() for parameter in made.values()) == 1000
    monkeypatch.setattr(growth, "parameters", lambda n: made)
    growth._stepping(1000, name)()
    moved = sum(int((parameter != 0).sum()) for parameter in made.values())
    assert moved == pytest.approx(200 if name == "pb" else 1000, abs=2)


def test_records_of_other_seeds_are_read():
    (curve,) = growth.by_seeds((1, 3))
    assert [point.x for point in curve.points] == [1, 3]


def test_no_size_that_memory_does_not_allow(monkeypatch):
    monkeypatch.setattr(growth, "available_bytes", lambda: 0)
    assert growth.by_weights("mask", growth._mask, {"fixed": "Fixed"}, (1000,), 1) == []


def output(root, name: str, log: str, started: float, ended: float) -> None:
    """An output with what snakemake notes of it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text("{}", encoding="utf-8")
    entry = {"rule": "a", "log": [log], "starttime": started, "endtime": ended}
    metadata = root / ".snakemake" / "metadata" / base64.b64encode(name.encode()).decode()
    metadata.parent.mkdir(parents=True, exist_ok=True)
    metadata.write_text(json.dumps(entry), encoding="utf-8")


def test_the_overhead_is_what_no_training_explains(tmp_path):
    runs = tmp_path / "results" / "mine" / "runs" / "experiment"
    checkpoint.save({"elapsed_s": 6.0}, runs / "trunk" / "seed0" / "trunk.pt")
    output(tmp_path, "results/mine/runs/experiment/trunk/seed0/trunk.pt", "trunk.log", 0, 10)
    for arm, training in (
        ("fb", {"shared_epochs": 2}),
        ("fb_bf16", {"shared_epochs": 0}),
        ("linear", None),
    ):
        record = runs / arm / "seed0" / "record.json"
        record.parent.mkdir(parents=True)
        content = {"config": {"training": training}, "provenance": {"wall_s": 20.0}}
        record.write_text(json.dumps(content), encoding="utf-8")
        for name in ("record.json", "history.csv"):  # one job
            output(tmp_path, f"results/mine/runs/experiment/{arm}/seed0/{name}", arm, 0, 25)
    output(tmp_path, "figures/mine/figure_1.pdf", "figure.log", 25, 30)
    output(tmp_path, "figures/other/figure_1.pdf", "figure.log", 0, 1000)
    found = pipeline.overhead(tmp_path, "mine")
    # Of 10 + 3 * 25 + 5 seconds of jobs 6 trained the shared epochs, 20 - 6 the arm that begins with
    # them, and 20 each of the others.
    assert found.value.median == pytest.approx(100 * (1 - 60 / 90), abs=0.01)
    assert "5 jobs" in found.title
    assert pipeline.overhead(tmp_path, "nosuch") is None


def test_a_process_that_trains_makes_a_step(monkeypatch):
    assert "optimizer.step()" in pipeline._STARTS["ours"]
    started = []
    monkeypatch.setattr(pipeline.subprocess, "run", lambda words, check: started.append(words))
    found = pipeline.starts(2)
    assert [quantity.name for quantity in found] == ["start", "start_ratio", "start_torch"]
    assert len(started) == 3 * len(pipeline._STARTS)  # a warm-up and two rounds
