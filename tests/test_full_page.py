"""docs/full.md says what the configuration says."""

import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from partial_backprop import config, registry, standings

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
SHAPES = {"mnist": (1, 28, 28), "cifar10": (3, 32, 32)}
N_TRAIN = {"mnist": 60_000, "cifar10": 50_000}


def test_runs_and_epochs_of_scale_full_are_those_of_the_configuration(tmp_path):
    stands = standings.Standings("full", tmp_path, CONFIG)
    rows = re.findall(
        r"^\| (.*`.*) \| ([\d,]+) \| ([\d,]+) \|",
        (ROOT / "docs" / "full.md").read_text(),
        re.MULTILINE,
    )
    told = set()
    for names, n_runs, n_epochs in rows:
        experiments = re.findall(r"`(\w+)`", names)
        found = [runs_and_epochs(stands, name) for name in experiments]
        expected = tuple(int(number.replace(",", "")) for number in (n_runs, n_epochs))
        assert tuple(map(sum, zip(*found, strict=True))) == expected, names
        told.update(experiments)
    assert told == set(config.read_scale("full", CONFIG).experiments)


def runs_and_epochs(stands, experiment):
    shares = config.shares_epochs(experiment, CONFIG)
    runs, epochs, shared = 0, 0, {}
    for arm in config.arms("full", experiment, CONFIG):
        for seed in stands.seeds(experiment, arm):
            training = stands.configuration(experiment, arm, seed).training
            runs += 1
            if training is not None:
                begun = training.shared_epochs if shares else 0
                shared[seed] = max(begun, shared.get(seed, 0))
                epochs += training.epochs - begun
    return runs, epochs + sum(shared.values())


def test_pflop_of_scale_full_are_those_of_its_networks(tmp_path):
    stands = standings.Standings("full", tmp_path, CONFIG)
    rows = re.findall(
        r"^\| ([^|]*`[^|]*) \|(?:[^|\n]*\|){4} ([\d.,]+) \|",
        (ROOT / "docs" / "full.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) > 10
    for names, pflop in rows:
        found = sum(training_flop(stands, name) for name in re.findall(r"`(\w+)`", names))
        assert float(pflop.replace(",", "")) == pytest.approx(found / 1e15, rel=0.02, abs=0.05), (
            names
        )


def training_flop(stands, experiment):
    """Two FLOP a multiplication and addition, forward and twice backward, over all epochs."""
    arm = config.arms("full", experiment, CONFIG)[0]
    run = stands.configuration(experiment, arm, stands.seeds(experiment, arm)[0])
    dataset = run.data.dataset["name"]
    with torch.device("meta"):
        options = {**run.network}
        network = registry.load("networks", options.pop("name"))(SHAPES[dataset], 10, **options)
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(2, *SHAPES[dataset]))
    n_images = N_TRAIN[dataset] - run.data.n_validation
    n_epochs = runs_and_epochs(stands, experiment)[1]
    return 3 * counter.get_total_flops() / 2 * n_images * n_epochs
