"""Synthetic records, histories and gradient samples, written through the real models.

For tests only: no number here was measured.
"""

import json
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from tests import made as made_up

from partial_backprop import config, files, record
from partial_backprop.freezing_report import FreezingReport, LayerFreezing
from partial_backprop.gradients import GradientDensity, GradientSample, LayerGradients
from partial_backprop.inputs import Inputs, read_inputs
from partial_backprop.record import Count, DataFacts, NetworkFacts, Record, Selection

SCALE = "fake"
TITLE = "made-up numbers & 100 % synthetic_data: größer ≤ 5 μ, 数 \\def{x} $#^~"
ARMS = ("fb", "pb", "pb_gradient", "pb_otsu", "pb_random")
EXPERIMENTS = ("vgg19_cifar10", "resnet110_cifar10", "densenet121_cifar10", "lenet5_mnist")
AS_IN_SOURCE = "lenet5_mnist_60000"
TWEAKED = dict(zip((*EXPERIMENTS, AS_IN_SOURCE), (0.04, 0.19, 0.45, 0.5, 0.5), strict=True))
N_EXAMPLES = {"train": 2000, "validation": 400, "test": 1000}
LEARNING_RATE = 1e-3


def write_config(root: Path, *, epochs: int = 12, seeds: Iterable[int] = (0, 1, 2)) -> Path:
    """Write a configuration folder whose runs need no data, network or criterion."""
    folder = root / "config"
    scale = {
        "title": TITLE,
        "seeds": list(seeds),
        "experiments": {name: {} for name in (*EXPERIMENTS, AS_IN_SOURCE)},
        "defaults": {"training": {"epochs": epochs, "milestones": [epochs - 4, epochs - 2]}},
    }
    published = {"title": "published", "seeds": [0], "published": True}
    files = {
        f"experiments/{name}": {"title": name, "arms": dict.fromkeys(ARMS)}
        for name in (*EXPERIMENTS, AS_IN_SOURCE)
    }
    for name in EXPERIMENTS:
        files[f"experiments/{name}"]["sampled"] = ["pb", "pb_otsu"]
    files |= {f"scales/{SCALE}": scale, "scales/published": published, "config": {"scale": SCALE}}
    for name, content in files.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    real = Path(__file__).parents[1] / "config" / "reported.yaml"
    (folder / "reported.yaml").write_bytes(real.read_bytes())
    return folder


def _generator(*identity: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(identity).encode()))


def data_facts(experiment: str) -> DataFacts:
    """Facts of a small stand-in."""
    sizes = {f"n_{split}": n for split, n in N_EXAMPLES.items()}
    if "mnist" in experiment:
        return made_up.data("mnist", image_shape=(1, 8, 8), **sizes)
    return made_up.data(**sizes)


def network_facts(experiment: str) -> NetworkFacts:
    """Facts of a network, reduced but for LeNet-5."""
    name = experiment.partition("_")[0]
    return NetworkFacts(name=name, n_parameters=1234 * len(experiment), full_size=name == "lenet5")


def history(experiment: str, arm: str, seed: int, epochs: int) -> pd.DataFrame:
    """Make up a course; arms share their first two epochs."""
    shared, own = _generator(experiment, seed), _generator(experiment, arm, seed)
    ceiling = 0.8 + 0.15 * _generator(experiment).random()
    rows = []
    for epoch in range(epochs):
        noise = (shared if epoch < 2 else own).normal(size=6)
        row = {"epoch": epoch, "learning_rate": LEARNING_RATE}
        for position, (split, n) in enumerate(N_EXAMPLES.items()):
            accuracy = ceiling * (1 - 0.7 * np.exp(-(epoch + 1) / 3)) + 0.01 * noise[position]
            row[f"{split}_loss"] = float(2.2 * np.exp(-(epoch + 1) / 4 + 0.1 * noise[3 + position]))
            row[f"{split}_n_correct"] = int(np.clip(round(accuracy * n), 0, n))
            row[f"{split}_n_examples"] = n
        rows.append(row)
    return pd.DataFrame(rows)


def selections(frame: pd.DataFrame) -> tuple[Selection, ...]:
    """Choose epochs by the three rules."""
    epochs = {
        "last": len(frame) - 1,
        "best_on_validation": int(frame["validation_n_correct"].argmax()),
        "best_on_test": int(frame["test_n_correct"].argmax()),
    }
    return tuple(
        Selection(
            rule=rule,
            epoch=epoch,
            **{
                split: Count(
                    n_correct=int(frame.loc[epoch, f"{split}_n_correct"]),
                    n_examples=int(frame.loc[epoch, f"{split}_n_examples"]),
                )
                for split in ("validation", "test")
            },
        )
        for rule, epoch in epochs.items()
    )


def freezing(experiment: str, arm: str, seed: int) -> FreezingReport:
    """Make up what an arm froze; FB reports what stood still by itself."""
    generator = _generator(experiment, arm, seed, "freezing")
    layers = []
    for name, n in (("conv.weight", 1000), ("fc_out.weight", 777)):
        frozen = int(generator.integers(n // 2, n)) if arm != "fb" else 0
        drift = 0.0 if arm != "pb_gradient" else float(generator.random())
        layers.append(
            LayerFreezing(
                name=name,
                n_weights=n,
                n_mask_zeros=frozen,
                n_natural_zeros=n // 9,
                n_unmoved=n // 11 if arm == "fb" else frozen if drift == 0 else frozen // 7,
                drift_sum_abs=drift * frozen * 1e-4,
                drift_max_abs=drift * 1e-2,
            )
        )
    threshold = TWEAKED[experiment] * LEARNING_RATE
    if arm == "pb_otsu":
        threshold *= 1.5 + generator.random()
    return FreezingReport(
        threshold=None if arm in ("fb", "pb_random") else threshold,
        masked_at_epochs=() if arm == "fb" else (2,),
        layers=tuple(layers),
    )


def run_record(folder: Path, experiment: str, arm: str, seed: int) -> tuple[Record, pd.DataFrame]:
    """Make up a run of the fake scale."""
    resolved = config.resolve(SCALE, experiment, arm, seed, folder)
    frame = history(experiment, arm, seed, resolved.training.epochs)
    return (
        made_up.record(
            resolved,
            data=data_facts(experiment),
            network=network_facts(experiment),
            selections=selections(frame),
            freezing=freezing(experiment, arm, seed),
        ),
        frame,
    )


def write_run(root: Path, folder: Path, experiment: str, arm: str, seed: int) -> Path:
    """Write a run where the workflow would."""
    made, frame = run_record(folder, experiment, arm, seed)
    path = root / "results" / SCALE / "runs" / experiment / arm / f"seed{seed}" / "record.json"
    record.write(made, path)
    frame.to_csv(path.with_name("history.csv"), index=False)
    return path


def gradient_sample(
    folder: Path, experiment: str, seed: int, *, n_convolutions: int = 16
) -> GradientSample:
    """Make up gradients with heavy tails."""
    generator = _generator(experiment, seed, "gradients")
    center = TWEAKED[experiment] * LEARNING_RATE
    layers = []
    for number in range(1, n_convolutions + 1):
        values = generator.standard_t(2, size=5000) * center
        counts, edges = np.histogram(
            values, bins=101, range=(-abs(values).max(), abs(values).max())
        )
        layers.append(
            LayerGradients(
                name=f"features.{number}.weight",
                convolution=number,
                n_weights=5600,
                n_natural_zeros=600,
                edges=tuple(edges.tolist()),
                counts=tuple(counts.tolist()),
            )
        )
    bias = LayerGradients(
        name="bias", convolution=None, n_weights=1, n_natural_zeros=0, edges=(-1, 1), counts=(1,)
    )
    grid = center * np.logspace(-4, 2, 400)
    density = np.exp(-(np.log(grid / center) ** 2) / 2) / (grid * np.sqrt(2 * np.pi))
    trunk = config.resolve(SCALE, experiment, config.TRUNK, seed, folder)
    return GradientSample(
        experiment=experiment,
        seed=seed,
        scale=SCALE,
        config_sha256=trunk.sha256(),
        epochs=2,
        learning_rate=LEARNING_RATE,
        data=data_facts(experiment),
        network=network_facts(experiment),
        layers=(*layers, bias),
        density=GradientDensity(
            grid=tuple(grid.tolist()),
            density=tuple(density.tolist()),
            low=0.0,
            high=20 * center,
            otsu=1.8 * center,
            tweaked=center,
            share_below_otsu=0.72,
            share_below_tweaked=0.5,
        ),
    )


def write_gradients(root: Path, sample: GradientSample) -> Path:
    """Write a gradient sample where the workflow would."""
    runs = root / "results" / SCALE / "runs"
    path = runs / sample.experiment / "trunk" / f"seed{sample.seed}" / "gradients.json"
    files.write_atomically(path, json.dumps(sample.model_dump(mode="json")).encode())
    return path


def write_campaign(
    root: Path,
    folder: Path,
    *,
    experiments: Iterable[str] = EXPERIMENTS,
    arms: Iterable[str] = ARMS,
    seeds: Iterable[int] = (0, 1, 2),
) -> tuple[list[Path], list[Path]]:
    """Write many runs and gradient samples."""
    names, arm_names, numbers = list(experiments), list(arms), list(seeds)
    records = [
        write_run(root, folder, name, arm, seed)
        for name in names
        for arm in arm_names
        for seed in numbers
    ]
    gradients = [
        write_gradients(root, gradient_sample(folder, name, seed))
        for name in names
        for seed in numbers
    ]
    return records, gradients


def inputs(root: Path, **campaign: Iterable) -> Inputs:
    """Write a campaign and read it as tables and figures do."""
    folder = write_config(root)
    records, gradients = write_campaign(root, folder, **campaign)
    return read_inputs(SCALE, records, gradients, folder)
