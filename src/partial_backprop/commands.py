"""What each command of the command line does: it asks the part of the library that knows.

Imports stand in the functions, so that a command loads no more than it needs.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.files import at_home
from partial_backprop.startup import imported, keep_freed_memory, without_compiler


def train(chosen: argparse.Namespace) -> None:
    """Train one arm of an experiment, or its warm-up checkpoint."""
    from partial_backprop import preflight, registry, stamps

    run = config.resolve(chosen.scale, chosen.experiment, chosen.arm, chosen.seed, chosen.config)
    preflight.check_seed(chosen.scale, run.experiment, run.arm, run.seed, chosen.config)
    options = at_home({key: value for key, value in run.recipe.items() if key != "name"})
    product = chosen.out / ("trunk.pt" if run.arm == config.TRUNK else "record.json")
    features = chosen.features and chosen.features / "record.json"
    inputs = {"trunk": chosen.trunk, "start": chosen.start, "features": features}
    made_from = stamps.of_run(run, inputs | {"checkpoint": options.get("checkpoint")})
    with stamps.stamped(product, made_from):
        registry.load("recipes", run.recipe["name"])(run, _job(chosen, run), **options)


def gradients(chosen: argparse.Namespace) -> None:
    """Measure the gradients after the warm-up epochs."""
    from partial_backprop import preflight, stamps
    from partial_backprop.recipes.gradient_sample import measure
    from partial_backprop.standings import GRADIENTS, Standings

    preflight.check_seed(chosen.scale, chosen.experiment, config.TRUNK, chosen.seed, chosen.config)
    standings = Standings(chosen.scale, chosen.out, chosen.config)
    made_from = standings.made_from(chosen.experiment, GRADIENTS, chosen.seed)
    made_from["input trunk"] = stamps.digest(chosen.trunk) if chosen.trunk else None
    where = (chosen.scale, chosen.experiment)
    sampled = config.sampled(chosen.experiment, chosen.config)
    if not sampled:
        raise UserError(f"{chosen.experiment}: no gradients are sampled: set `sampled` to two arms")
    pb, otsu = (config.resolve(*where, arm, chosen.seed, chosen.config) for arm in sampled)
    fixed = pb.freezing.criterion
    rate = fixed["learning_rate"] or pb.training.learning_rate(pb.freezing.start_epoch)
    trunk = config.resolve(*where, config.TRUNK, chosen.seed, chosen.config)
    options = {key: value for key, value in otsu.freezing.criterion.items() if key != "name"}
    with stamps.stamped(chosen.out / "gradients.json", made_from):
        measure(trunk, fixed["threshold"] * rate, options, _job(chosen, trunk))


def _job(chosen: argparse.Namespace, run: config.RunConfig) -> object:
    from partial_backprop.recipes.job import Job, choose_device

    if chosen.trunk is not None and run.training and not run.training.shared_epochs:
        raise UserError(f"{run.experiment}/{run.arm} shares no epochs: leave out --trunk")
    settings = config.read_settings(
        chosen.config,
        device=chosen.device,
        data_root=chosen.data_root,
        checkpoint_every=chosen.checkpoint_every,
        tensorboard=chosen.tensorboard,
    )
    device = None
    imported()  # with the recipe
    if run.data is not None:  # else there is nothing for torch to do, and it need not be loaded
        from partial_backprop.training.seeding import make_deterministic

        without_compiler()
        keep_freed_memory()
        if run.training is not None:
            make_deterministic(run.training.threads)
        device = choose_device(settings.device)
    return Job(
        out=chosen.out,
        data_root=Path(settings.data_root),
        device=device,
        trunk=chosen.trunk,
        start=chosen.start,
        features=chosen.features,
        checkpoints=chosen.checkpoints,
        checkpoint_every_s=settings.checkpoint_every,
        log=chosen.log,
        tensorboard=settings.tensorboard,
    )


def _stamped(product: Path, command: str, name: str, chosen: argparse.Namespace) -> Any:
    """Leave a stamp beside what is printed in this block."""
    from partial_backprop import stamps

    read = ("records", "gradients", "benchmarks", "tables", "figures")
    files = [path for key in read for path in getattr(chosen, key, [])]
    made_from = stamps.of_print(command, name, chosen.scale, files, chosen.config)
    return stamps.stamped(product, made_from)


def table(chosen: argparse.Namespace) -> None:
    """Make a table from records."""
    from partial_backprop import artifacts

    with _stamped(chosen.out.with_suffix(".csv"), "table", chosen.name, chosen):
        artifacts.make_table(
            chosen.name,
            scale=chosen.scale,
            records=chosen.records,
            gradients=chosen.gradients,
            csv=chosen.out.with_suffix(".csv"),
            tex=chosen.out.with_suffix(".tex"),
            config_dir=chosen.config,
            benchmarks=chosen.benchmarks,
        )


def figure(chosen: argparse.Namespace) -> None:
    """Make a figure from records."""
    from partial_backprop import artifacts

    with _stamped(chosen.out.with_suffix(".pdf"), "figure", chosen.name, chosen):
        artifacts.make_figure(
            chosen.name,
            scale=chosen.scale,
            records=chosen.records,
            gradients=chosen.gradients,
            pdf=chosen.out.with_suffix(".pdf"),
            png=chosen.out.with_suffix(".png"),
            config_dir=chosen.config,
            benchmarks=chosen.benchmarks,
        )


def aggregate(chosen: argparse.Namespace) -> None:
    """Gather records in tidy tables."""
    from partial_backprop import artifacts

    with _stamped(chosen.out / "runs.csv", "aggregate", "runs", chosen):
        artifacts.make_frames(
            scale=chosen.scale, records=chosen.records, folder=chosen.out, config_dir=chosen.config
        )


def paper(chosen: argparse.Namespace) -> None:
    """Typeset the paper from records, tables and figures."""
    from partial_backprop import paper

    with _stamped(chosen.out, "paper", "paper", chosen):
        paper.build(
            chosen.scale,
            records=chosen.records,
            gradients=chosen.gradients,
            tables=chosen.tables,
            figures=chosen.figures,
            pdf=chosen.out,
            config_dir=chosen.config,
            benchmarks=chosen.benchmarks,
        )


def page(chosen: argparse.Namespace) -> None:
    """Make the results page."""
    from partial_backprop.results_page.build import build

    with _stamped(chosen.out, "page", "page", chosen):
        build(
            chosen.scale,
            records=chosen.records,
            tables=chosen.tables,
            figures=chosen.figures,
            out=chosen.out,
            config_dir=chosen.config,
        )


def show(chosen: argparse.Namespace) -> None:
    """Print a run's full configuration and its hash."""
    from partial_backprop import preflight

    run = config.resolve(chosen.scale, chosen.experiment, chosen.arm, chosen.seed, chosen.config)
    preflight.check_seed(chosen.scale, run.experiment, run.arm, run.seed, chosen.config)
    if chosen.diff:
        print(_difference(run, chosen.diff, chosen.config))
        return
    print(run.model_dump_json(indent=2))
    print(run.sha256())


def _difference(run: config.RunConfig, other: str, directory: Path) -> str:
    """What another scale, or another arm at the same scale, does otherwise."""
    from partial_backprop.run_status import differences

    is_arm = other == config.TRUNK or other in config.every_arm(run.experiment, directory)
    scale, arm = (run.scale, other) if is_arm else (other, run.arm)
    there = config.resolve(scale, run.experiment, arm, run.seed, directory)
    here, there = (one.model_dump(mode="json", exclude={"scale", "arm"}) for one in (run, there))
    lines = differences(here, there, now=f", in {other} ")
    return "\n".join(lines) or f"{run.experiment}/{run.arm} is the same in {other}"


def status(chosen: argparse.Namespace) -> None:
    """Say which runs are done, stale or missing."""
    from partial_backprop import status

    results, also = _asked(chosen)
    runs = status.survey(chosen.scale, results, chosen.config, also)
    titles = {
        run.experiment: config.read_experiment(run.experiment, chosen.config)["title"]
        for run in runs
    }
    print(status.text(runs, chosen.cores, titles))
    if idle := config.without_scale(chosen.config):
        print(f"note: {idle}", file=sys.stderr)


def compare(chosen: argparse.Namespace) -> None:
    """Compare two folders of results; exit status 1 where they differ beyond the seeds' spread."""
    from partial_backprop.report import compare

    records, claims = compare.compare(chosen.first, chosen.second, chosen.config)
    print(compare.text("records", records))
    print(compare.text("claims", claims))
    if any(line.outcome == compare.DIFFERENT for line in records + claims):
        sys.exit(1)


def _asked(chosen: argparse.Namespace) -> tuple[Path, tuple[str, ...]]:
    """Folder of results, and the experiments that run on request."""
    settings = config.read_settings(chosen.config, results_root=chosen.results, also=chosen.also)
    return Path(settings.results_root), settings.also


def checkpoints(chosen: argparse.Namespace) -> None:
    """Say what checkpoints take on the disk, and maybe remove those that nobody needs."""
    from partial_backprop import checkpoints

    results, also = _asked(chosen)
    print(checkpoints.report(chosen.scale, results, chosen.config, also, remove=chosen.remove))


def summary(chosen: argparse.Namespace) -> None:
    """Print a network's layers, parameters and weights as Keras does."""
    from partial_backprop.summary import find, render
    from partial_backprop.summary.keras import summarize

    shapes, dtypes = zip(*(chosen.image_shape or [((3, 32, 32), "")]), strict=True)
    model = find.network(chosen.network, shapes[0], chosen.classes, dict(chosen.option))
    found = summarize(model, *shapes, dtypes=[find.dtype(name) for name in dtypes])
    if chosen.format == "text":
        text = (render.rich(found) if sys.stdout.isatty() else None) or render.text(found)
    else:
        text = {"json": render.as_json, "latex": render.latex}[chosen.format](found)
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has enough, as `head` soon has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def convert(chosen: argparse.Namespace) -> None:
    """Write weights in a sparse format, or back."""
    from partial_backprop.storage import convert, state_dict

    out = chosen.out or chosen.weights.with_suffix(chosen.suffix)
    if chosen.out is None and out.exists():
        raise UserError(f"{out} is there already: name another file with --out, or this one")
    before, after = getattr(convert, chosen.direction)(chosen.weights, out)
    way, ratio = ("less", before / after) if after <= before else ("more", after / before)
    print(f"{chosen.weights}: {before:,} bytes")
    print(f"{out}: {after:,} bytes, {ratio:.2f} times {way}")
    if chosen.direction == "shrink":
        tensors = state_dict.read(chosen.weights).values()
        n_zeros = sum(int((tensor == 0).sum()) for tensor in tensors)
        n_values = sum(tensor.numel() for tensor in tensors)
        print(f"{n_zeros:,} of {n_values:,} values are zero")
        if n_zeros < n_values / 10:
            print("Only zeros take less room. Freezing makes none; pruning does.")


def caption(chosen: argparse.Namespace) -> None:
    """Print a caption of a picture, and draw where the decoder looked."""
    import partial_backprop.figures  # noqa: F401, for matplotlib without the user's settings
    from partial_backprop import record
    from partial_backprop.captioning.apply import caption
    from partial_backprop.experiments.captioning import attention
    from partial_backprop.recipes.job import choose_device

    attention.check_kind(chosen.out)
    found = caption(chosen.image, chosen.run, choose_device(chosen.device), chosen.features)
    seen = record.read(chosen.run / "record.json").config.data.dataset["name"]
    if seen == "captioned_scenes":
        print("warning: this run has seen drawn scenes alone, no photograph", file=sys.stderr)
    print(" ".join(found.words))
    attention.save([found], chosen.out)
    print(f"where it looked: {chosen.out}", file=sys.stderr)


def check(chosen: argparse.Namespace) -> int:
    """Compare what a device computes with what the processor computes."""
    import torch

    from partial_backprop import device_check
    from partial_backprop.recipes.job import choose_device
    from partial_backprop.training.seeding import make_deterministic

    make_deterministic(torch.get_num_threads())
    device = choose_device(chosen.device)
    outcomes = device_check.check(device)
    for outcome in outcomes:
        print(outcome)
    return int(not all(outcome.ok for outcome in outcomes))
