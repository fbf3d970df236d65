"""The command line: parses, and calls what does the work.

Every rule of the workflow is one of these commands, which a person can type too.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from partial_backprop import __version__, config
from partial_backprop.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line; those of the process by default.

    Returns
    -------
    int
        Exit status: 0, or 2 after an error that the user can mend, told in one line.
    """
    chosen = _parser().parse_args(arguments)
    try:
        chosen.command(chosen)
    except UserError as error:
        message = f"error: {error}"
        print(message, file=sys.stderr)
        log = getattr(chosen, "log", None)
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                print(message, file=file)
        return 2
    return 0


def _train(chosen: argparse.Namespace) -> None:
    from partial_backprop import registry

    run = config.resolve(chosen.scale, chosen.experiment, chosen.arm, chosen.seed, chosen.config)
    options = {key: value for key, value in run.recipe.items() if key != "name"}
    registry.load("recipes", run.recipe["name"])(run, _job(chosen, run), **options)


def _gradients(chosen: argparse.Namespace) -> None:
    from partial_backprop.recipes.gradient_sample import measure

    where = (chosen.scale, chosen.experiment)
    pb, otsu = (
        config.resolve(*where, arm, chosen.seed, chosen.config).freezing.criterion
        for arm in ("pb", "pb_otsu")
    )
    trunk = config.resolve(*where, config.TRUNK, chosen.seed, chosen.config)
    options = {key: value for key, value in otsu.items() if key != "name"}
    measure(trunk, pb["threshold"] * pb["learning_rate"], options, _job(chosen, trunk))


def _job(chosen: argparse.Namespace, run: config.RunConfig) -> object:
    from partial_backprop.recipes.job import Job, choose_device

    settings = config.read_settings(
        chosen.config,
        device=chosen.device,
        data_root=chosen.data_root,
        tensorboard=chosen.tensorboard,
    )
    device = None
    if run.network is not None:  # else there is nothing for torch to do, and it need not be loaded
        from partial_backprop.training.seeding import make_deterministic

        if run.training is not None:
            make_deterministic(run.training.threads)
        device = choose_device(settings.device)
    return Job(
        out=chosen.out,
        data_root=Path(settings.data_root),
        device=device,
        trunk=chosen.trunk,
        start=chosen.start,
        checkpoints=chosen.checkpoints,
        checkpoint_every_s=chosen.checkpoint_every,
        log=chosen.log,
        tensorboard=settings.tensorboard,
    )


def _table(chosen: argparse.Namespace) -> None:
    from partial_backprop import artifacts

    artifacts.make_table(
        chosen.name,
        scale=chosen.scale,
        records=chosen.records,
        gradients=chosen.gradients,
        csv=chosen.out.with_suffix(".csv"),
        tex=chosen.out.with_suffix(".tex"),
        config_dir=chosen.config,
    )


def _figure(chosen: argparse.Namespace) -> None:
    from partial_backprop import artifacts

    artifacts.make_figure(
        chosen.name,
        scale=chosen.scale,
        records=chosen.records,
        gradients=chosen.gradients,
        pdf=chosen.out.with_suffix(".pdf"),
        png=chosen.out.with_suffix(".png"),
        config_dir=chosen.config,
    )


def _aggregate(chosen: argparse.Namespace) -> None:
    from partial_backprop import artifacts

    artifacts.make_frames(
        scale=chosen.scale, records=chosen.records, folder=chosen.out, config_dir=chosen.config
    )


def _paper(chosen: argparse.Namespace) -> None:
    from partial_backprop import paper

    paper.build(
        chosen.scale,
        records=chosen.records,
        gradients=chosen.gradients,
        tables=chosen.tables,
        figures=chosen.figures,
        pdf=chosen.out,
        config_dir=chosen.config,
    )


def _show(chosen: argparse.Namespace) -> None:
    run = config.resolve(chosen.scale, chosen.experiment, chosen.arm, chosen.seed, chosen.config)
    print(run.model_dump_json(indent=2))
    print(run.sha256())


def _summary(chosen: argparse.Namespace) -> None:
    from partial_backprop.summary import find, render
    from partial_backprop.summary.keras import summarize

    model = find.network(chosen.network, chosen.image_shape, chosen.classes, dict(chosen.option))
    found = summarize(model, chosen.image_shape)
    if chosen.format == "text":
        text = (render.rich(found) if sys.stdout.isatty() else None) or render.text(found)
    else:
        text = {"json": render.as_json, "latex": render.latex}[chosen.format](found)
    try:
        print(text, flush=True)
    except BrokenPipeError:  # the reader has enough, as `head` soon has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in text.split(","))
    if min(sizes) < 1:
        raise ValueError
    return sizes


def _option(text: str) -> tuple[str, object]:
    import yaml

    key, equals, value = text.partition("=")
    try:
        found = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ValueError from None
    if not (key and equals):
        raise ValueError
    return key, found


def _convert(chosen: argparse.Namespace) -> None:
    from partial_backprop.storage import convert

    before, after = getattr(convert, chosen.direction)(chosen.weights, chosen.out)
    way, ratio = ("less", before / after) if after <= before else ("more", after / before)
    print(f"{chosen.weights}: {before:,} bytes")
    print(f"{chosen.out}: {after:,} bytes, {ratio:.2f} times {way}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="partial-backprop", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: object, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(command=command)
        sub.add_argument("--scale", default="demo", help="file in config/scales (default: demo)")
        sub.add_argument("--config", type=Path, default=config.CONFIG_DIR, metavar="FOLDER")
        return sub

    def add_run(
        name: str, command: object, summary: str, *, arm: bool = True
    ) -> argparse.ArgumentParser:
        sub = add(name, command, summary)
        sub.add_argument("experiment", help="file in config/experiments")
        if arm:
            sub.add_argument("arm", help="arm of the experiment, or trunk")
        sub.add_argument("seed", type=int)
        return sub

    def add_job(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--out", type=Path, required=True, metavar="FOLDER")
        sub.add_argument("--trunk", type=Path, help="checkpoint of the shared epochs")
        sub.add_argument("--start", type=Path, help="trained weights that the run starts from")
        sub.add_argument("--checkpoints", type=Path, metavar="FOLDER")
        sub.add_argument("--checkpoint-every", type=float, default=30.0, metavar="SECONDS")
        sub.add_argument("--log", type=Path)
        sub.add_argument("--device", help="auto, cpu or cuda (default: config.yaml)")
        sub.add_argument("--data-root", metavar="FOLDER", help="real data (default: config.yaml)")
        sub.add_argument("--tensorboard", action="store_true", default=None)

    def add_inputs(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--records", type=Path, nargs="*", default=[])
        sub.add_argument("--gradients", type=Path, nargs="*", default=[])

    add_job(add_run("train", _train, "Train one arm of an experiment, or its trunk."))
    add_job(
        add_run(
            "gradients", _gradients, "Measure the gradients after the shared epochs.", arm=False
        )
    )
    for name, command in (("table", _table), ("figure", _figure)):
        sub = add(name, command, f"Make a {name} from records.")
        sub.add_argument("name", help=f"module of {name}s/")
        add_inputs(sub)
        sub.add_argument("--out", type=Path, required=True, help="path without its suffix")
    sub = add("aggregate", _aggregate, "Gather records in tidy tables.")
    add_inputs(sub)
    sub.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    sub = add("paper", _paper, "Typeset the paper from records, tables and figures.")
    add_inputs(sub)
    sub.add_argument("--tables", type=Path, nargs="*", default=[], help="LaTeX tables")
    sub.add_argument("--figures", type=Path, nargs="*", default=[], help="PDF figures")
    sub.add_argument("--out", type=Path, required=True, help="the PDF")
    add_run("config", _show, "Print a run's full configuration and its hash.")
    about = "Print a network's layers, parameters and weights as Keras does."
    sub = commands.add_parser("summary", help=about, description=about)
    sub.set_defaults(command=_summary)
    sub.add_argument("network", help="module of networks/, or module:Class of your own")
    sub.add_argument("--image-shape", type=_sizes, default=(3, 32, 32), metavar="C,H,W")
    sub.add_argument("--classes", type=int, default=10, metavar="N")
    sub.add_argument("--option", type=_option, action="append", default=[], metavar="KEY=VALUE")
    sub.add_argument("--format", choices=("text", "json", "latex"), default="text")
    for name, about in (
        ("shrink", "Write weights in a format in which zeros cost a bit each."),
        ("expand", "Write the weights of such a file for torch.load again."),
    ):
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(command=_convert, direction=name)
        sub.add_argument("weights", type=Path, help="file with the weights")
        sub.add_argument("--out", type=Path, required=True, metavar="FILE")
    return parser
