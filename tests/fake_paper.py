"""Everything that a paper may show, made up, and its tables and figures. No number here was measured."""

import dataclasses
import importlib
from collections.abc import Callable, Iterable
from pathlib import Path

from tests import (
    fake_captions,
    fake_filters,
    fake_gradients,
    fake_inclusion,
    fake_labs,
    fake_performance,
    fake_sizes,
    fake_tinyscript,
    fakes,
    lab1,
)

from partial_backprop import artifacts, config, reported
from partial_backprop.inputs import Inputs, Run
from partial_backprop.report import tables as report_tables

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
SOURCE = ROOT / "paper" / "source"

Maker = Callable[[Path, Iterable[int]], Inputs]

OTHERS: dict[str, Maker] = {
    "captioning": lambda root, seeds: fake_captions.write_examples(
        fake_captions.inputs(seeds=seeds, root=root)
    ),
    "lab1": lambda root, seeds: lab1.inputs(),
    "labs": lambda root, seeds: fake_labs.inputs(seeds=seeds),
    "sparsification": lambda root, seeds: fake_gradients.inputs(seeds=seeds),
    "weight_pruning": lambda root, seeds: fake_sizes.inputs(seeds=seeds),
    "filter_pruning": lambda root, seeds: fake_filters.inputs(seeds=seeds),
    "tinyscript": lambda root, seeds: fake_tinyscript.inputs(
        seeds=seeds, experiments=("tinyscript", "tinyscript_cifar10")
    ),
    "dessilbi": lambda root, seeds: fake_inclusion.inputs(seeds=seeds, folder=root),
}
"""Part of a paper -> maker of its runs."""


def classifiers(root: Path, seeds: Iterable[int]) -> Inputs:
    """The arms of the scale ``full`` for each network; those that `fakes` lacks have the numbers of PB."""
    made = fakes.inputs(root, experiments=(*fakes.EXPERIMENTS, fakes.AS_IN_SOURCE), seeds=seeds)
    by_arm: dict[tuple[str, str], list[Run]] = {}
    for run in made.runs:
        by_arm.setdefault((run.record.experiment, run.record.arm), []).append(run)
    runs = [
        dataclasses.replace(run, record=run.record.model_copy(update={"arm": arm}))
        for experiment in dict.fromkeys(experiment for experiment, _ in by_arm)
        for arm in config.arms("full", experiment, CONFIG)
        for run in by_arm.get((experiment, arm), by_arm[experiment, "pb"])
    ]
    return dataclasses.replace(made, runs=tuple(sorted(runs, key=lambda run: run.key)))


PARTS: dict[str, Maker] = {"classifiers": classifiers, **OTHERS}


def of(root: Path, seeds: Iterable[int] = (0, 1), parts: Iterable[str] = tuple(PARTS)) -> Inputs:
    """Make up runs of some parts, or of every experiment."""
    runs, gradients = [], []
    for part in parts:
        folder = root / part
        folder.mkdir(parents=True, exist_ok=True)
        found = PARTS[part](folder, seeds)
        runs += found.runs
        gradients += found.gradients
    return Inputs(
        scale="fake",
        title="made-up numbers",
        runs=tuple(sorted(runs, key=lambda run: run.key)),
        gradients=tuple(gradients),
        reported=reported.read(CONFIG),
        performance=fake_performance.found(),
        config_dir=CONFIG,
        experiments=frozenset(config.read_scale("full", CONFIG).experiments),
    )


def tables(inputs: Inputs, folder: Path) -> list[Path]:
    """Make all tables."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in artifacts.names("tables"):
        paths.append(folder / f"{name}.tex")
        paths[-1].write_text(artifacts.to_tex(report_tables.build(name, inputs)), encoding="utf-8")
    return paths


def figures(inputs: Inputs, folder: Path) -> list[Path]:
    """Draw all figures."""
    from partial_backprop.figures import style

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with style.applied():
        for name in artifacts.names("figures"):
            module = importlib.import_module(f"partial_backprop.{artifacts.figure_module(name)}")
            paths.append(folder / f"{name}.pdf")
            module.draw(inputs).savefig(paths[-1])
    return paths


def stubs(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write small files in the place of all tables and figures."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [r"\begin{tabular}{@{}lr@{}}", r"\toprule", r"a & b \\", r"\midrule", r"c & 1 \\"]
    lines += [r"\bottomrule", r"\end{tabular}"]
    found = {"tables": [], "figures": []}
    for package, paths in found.items():
        for name in artifacts.names(package):
            paths.append(folder / f"{name}.{'tex' if package == 'tables' else 'pdf'}")
            paths[-1].write_text("\n".join(lines), encoding="utf-8")
    return found["tables"], found["figures"]
