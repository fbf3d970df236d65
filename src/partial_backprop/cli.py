"""The command line: parses, and calls what does the work.

Every rule of the workflow is one of these commands, which a person can type too.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from partial_backprop import __version__, commands, config
from partial_backprop.errors import UserError
from partial_backprop.startup import importing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command."""
    chosen = _parser().parse_args(arguments)
    try:
        with importing():
            _check_place(chosen)
            if hasattr(chosen, "config"):
                from partial_backprop import folders

                folders.use(chosen.config)
            return chosen.command(chosen) or 0
    except UserError as error:
        message = f"error: {error}"
        print(message, file=sys.stderr)
        log = getattr(chosen, "log", None)
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                print(message, file=file)
        return 2


def _check_place(chosen: argparse.Namespace) -> None:
    """See that a command on a project's folder runs with that project's own sources."""
    sources = Path("src", "partial_backprop")
    if hasattr(chosen, "config") and sources.is_dir():
        mine = Path(__file__).parent
        if not mine.samefile(sources):
            raise UserError(
                f"this command is of the clone whose sources are {mine}, and not of this folder: "
                "activate this folder's environment, or set PYTHONPATH=src"
            )
    if hasattr(chosen, "config") and not chosen.config.is_dir():
        raise UserError(
            f"there is no folder {chosen.config} here: run this in the project's checkout, or name the "
            "configuration with --config"
        )


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) for size in text.split(","))
    if min(sizes) < 1:
        raise ValueError
    return sizes


def _shape(text: str) -> tuple[tuple[int, ...], str]:
    sizes, _, dtype = text.partition(":")
    return _sizes(sizes), dtype


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


FOR_USERS = (
    ("status", "config", "compare", "checkpoints"),
    ("summary", "caption", "shrink", "expand", "check"),
)
"""Commands that users type: about runs, and about networks and files."""

EXAMPLES = """\
examples:
  partial-backprop status --scale cpu
  partial-backprop config lenet5_mnist pb 0 --scale demo --diff full
  partial-backprop summary torchvision.models:resnet18 --image-shape 3,224,224
  partial-backprop caption photo.jpg --run results/demo/runs/captioning/pb/seed0
  partial-backprop shrink weights.pt

partial-backprop COMMAND --help says what a command takes."""


def _overview(summaries: Mapping[str, str]) -> str:
    """The commands with a line each: those that users type first."""
    named = [name for names in FOR_USERS for name in names]
    others = tuple(name for name in summaries if name not in named)
    titles = ("about runs", "about networks and files", "what the workflow runs, one job each")
    lines = []
    for title, names in zip(titles, (*FOR_USERS, others), strict=True):
        lines += [f"{title}:", *(f"  {name:12} {summaries[name]}" for name in names), ""]
    return "\n".join([*lines, EXAMPLES])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="partial-backprop",
        usage="partial-backprop [-h] [--version] COMMAND ...",
        description="Ask about runs and networks, or run one step of the workflow by hand.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    menu = parser.add_subparsers(
        required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog=parser.prog
    )
    summaries: dict[str, str] = {}

    def add_plain(name: str, command: object, summary: str) -> argparse.ArgumentParser:
        summaries[name] = summary
        sub = menu.add_parser(name, description=summary)
        sub.set_defaults(command=command)
        return sub

    def add(name: str, command: object, summary: str) -> argparse.ArgumentParser:
        sub = add_plain(name, command, summary)
        sub.add_argument("--scale", default="demo", help="file in config/scales (default: demo)")
        sub.add_argument("--config", type=Path, default=config.CONFIG_DIR, metavar="FOLDER")
        return sub

    def add_run(
        name: str, command: object, summary: str, *, arm: bool = True
    ) -> argparse.ArgumentParser:
        sub = add(name, command, summary)
        sub.add_argument("experiment", help="such as lenet5_mnist")
        if arm:
            sub.add_argument("arm", help="arm of the experiment, or trunk, its warm-up checkpoint")
        sub.add_argument("seed", type=int)
        return sub

    def add_job(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--out", type=Path, required=True, metavar="FOLDER")
        trunk = "warm-up checkpoint; nothing for a run that begins without one"
        sub.add_argument("--trunk", type=Path, nargs="?", help=trunk)
        sub.add_argument("--start", type=Path, help="trained weights that the run starts from")
        sub.add_argument("--features", type=Path, metavar="FOLDER", help="an encoder's features")
        sub.add_argument("--checkpoints", type=Path, metavar="FOLDER")
        sub.add_argument("--checkpoint-every", type=float, metavar="SECONDS")
        sub.add_argument("--log", type=Path)
        sub.add_argument("--device", help="auto, cpu or cuda (default: config.yaml)")
        sub.add_argument("--data-root", metavar="FOLDER", help="real data (default: config.yaml)")
        sub.add_argument("--tensorboard", action="store_true", default=None)

    def add_inputs(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--records", type=Path, nargs="*", default=[])
        sub.add_argument("--gradients", type=Path, nargs="*", default=[])

    def add_benchmarks(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--benchmarks", type=Path, nargs="*", default=[], help="of make bench")

    def add_results(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--results", metavar="FOLDER", help="default: results_root of config.yaml")
        sub.add_argument(
            "--also", nargs="*", metavar="EXPERIMENT", help="those that run on request"
        )

    add_job(
        add_run(
            "train",
            commands.train,
            "Train one arm of an experiment, or its warm-up checkpoint (trunk).",
        )
    )
    add_job(
        add_run(
            "gradients",
            commands.gradients,
            "Measure the gradients after the warm-up epochs.",
            arm=False,
        )
    )
    for name, command in (("table", commands.table), ("figure", commands.figure)):
        sub = add(name, command, f"Make a {name} from records.")
        sub.add_argument("name", help=f"such as {name}_2")
        add_inputs(sub)
        add_benchmarks(sub)
        sub.add_argument("--out", type=Path, required=True, help="path without its suffix")
    sub = add("aggregate", commands.aggregate, "Gather records in tidy tables.")
    add_inputs(sub)
    sub.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    sub = add("paper", commands.paper, "Typeset the paper from records, tables and figures.")
    add_inputs(sub)
    add_benchmarks(sub)
    sub.add_argument("--tables", type=Path, nargs="*", default=[], help="LaTeX tables")
    sub.add_argument("--figures", type=Path, nargs="*", default=[], help="PDF figures")
    sub.add_argument("--out", type=Path, required=True, help="the PDF")
    sub = add("page", commands.page, "Make the results page and its tables from records.")
    sub.add_argument("--records", type=Path, nargs="*", default=[])
    sub.add_argument("--tables", type=Path, nargs="*", default=[], help="CSV tables")
    sub.add_argument("--figures", type=Path, nargs="*", default=[], help="PNG figures")
    sub.add_argument("--out", type=Path, required=True, help="the page, such as index.html")
    sub = add_run("config", commands.show, "Print a run's full configuration and its hash.")
    about = (
        "only what differs from the same run at another scale (default: full), or of another arm"
    )
    sub.add_argument("--diff", nargs="?", const="full", metavar="SCALE|ARM", help=about)
    sub = add("status", commands.status, "Say which runs are done, stale (and why) or missing.")
    add_results(sub)
    sub.add_argument("--cores", type=int, help="cores for the estimate (default: this machine's)")
    about = (
        "Compare two folders of results, record by record and claim by claim; exit 1 if different."
    )
    sub = add_plain("compare", commands.compare, about)
    sub.add_argument("first", type=Path, metavar="A", help="folder, such as results/published")
    sub.add_argument("second", type=Path, metavar="B", help="folder, such as results/cpu")
    sub.add_argument("--config", type=Path, default=config.CONFIG_DIR, metavar="FOLDER")
    about = "Say what checkpoints take on the disk, and remove those that no run needs."
    sub = add("checkpoints", commands.checkpoints, about)
    add_results(sub)
    sub.add_argument("--remove", action="store_true", help="those of runs that are done or stale")
    about = "Print a network's layers, parameters and weights as Keras does."
    sub = add_plain("summary", commands.summary, about)
    sub.add_argument(
        "network",
        help="module of networks/, or module:name of any class or function, as torchvision.models:resnet18",
    )
    about = "of one example, once for each input: 3,32,32 or 128:int64"
    sub.add_argument("--image-shape", type=_shape, action="append", metavar="C,H,W", help=about)
    sub.add_argument("--classes", type=int, default=10, metavar="N")
    sub.add_argument("--option", type=_option, action="append", default=[], metavar="KEY=VALUE")
    sub.add_argument("--format", choices=("text", "json", "latex"), default="text")
    about = "Caption a picture, and draw where the decoder looked at each word."
    sub = add_plain("caption", commands.caption, about)
    sub.add_argument("image", type=Path, help="JPEG, PNG or the like")
    sub.add_argument(
        "--run", type=Path, required=True, metavar="FOLDER", help="an arm of captioning"
    )
    sub.add_argument("--features", type=Path, metavar="FOLDER", help="its encoder's run")
    sub.add_argument("--out", type=Path, default=Path("attention.png"), help="PNG, PDF or SVG")
    sub.add_argument("--device", default="auto", help="auto, cpu or cuda")
    about = "Compare what a device computes with what the processor computes."
    sub = add_plain("check", commands.check, about)
    sub.add_argument("--device", default="auto", help="auto, cpu or cuda")
    for name, suffix, about in (
        ("shrink", ".sparse", "Write weights in a format in which zeros cost a bit each."),
        ("expand", ".pt", "Write the weights of such a file for torch.load again."),
    ):
        sub = add_plain(name, commands.convert, about)
        sub.set_defaults(direction=name, suffix=suffix)
        sub.add_argument("weights", type=Path, help="file with the weights")
        sub.add_argument(
            "--out", type=Path, metavar="FILE", help=f"default: beside the first, {suffix}"
        )
    parser.epilog = _overview(summaries)
    return parser
