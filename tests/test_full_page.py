"""docs/full.md says what the configuration says."""

import re
from pathlib import Path

from partial_backprop import config, standings

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"


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
    shares = config.recipe(experiment, CONFIG) in standings.WITH_TRUNK
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
