"""What ``make bench`` measures: times, memory and their ratios, with the machine that took them.

One file of ``results/bench`` holds one `Performance`. Every number is a median with its quartiles, since
a machine is never quiet; ratios are of two ways that ran in turn.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import pydantic

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.run_config import StrictModel

FOLDER = Path("results/bench")
"""Where the files are."""

COMMAND = "make bench"
"""What makes them."""

TITLES = {
    "loop": "Training loop, plain over ours",
    "active_optimizer": "State and step for active weights only",
    "kde": "Automatic threshold",
    "pipeline": "All but training",
    "growth": "Growth",
    "bf16_accuracy": "Accuracy in bfloat16",
    "adapters": "Fine-tuning beside PEFT's adapters",
}
"""Name of a benchmark -> title in print, in their order."""


class Spread(StrictModel):
    """Median and quartiles of one quantity measured several times."""

    low: float
    median: float
    high: float
    """Quartiles, in the unit of the quantity; all equal where it was measured once."""
    n: int = pydantic.Field(ge=1)
    """Number of measurements."""


class Goal(StrictModel):
    """What a quantity should be."""

    value: float
    """In the unit of the quantity."""
    at_least: bool
    """Whether more is better; else at most `value` is asked for."""

    def is_met(self, value: float) -> bool:
        """Compare a value with the goal."""
        return value >= self.value if self.at_least else value <= self.value


class Quantity(StrictModel):
    """One measured quantity."""

    name: str
    """Unique in its file, such as ``lenet5``."""
    title: str
    """What was measured, in print."""
    unit: str
    """``×`` for a ratio, ``s``, ``MiB`` or ``%``."""
    value: Spread
    goal: Goal | None = None
    parts: dict[str, Spread] = pydantic.Field(default_factory=dict)
    """For a ratio: what was divided, by the name of each way, in seconds."""


class Point(StrictModel):
    """One point of a curve."""

    x: float
    """In the unit of the curve's axis."""
    value: Spread


class Curve(StrictModel):
    """How a quantity grows."""

    name: str
    """Unique in its file."""
    title: str
    """What was measured, in print."""
    axis: str
    """What `Point.x` counts, in print, such as ``weights``."""
    unit: str
    """``s``, ``MiB`` or ``×``."""
    points: tuple[Point, ...] = pydantic.Field(min_length=1)

    def exponent(self) -> float:
        """Fit how steeply the curve grows at its far end."""
        ends = [(point.x, point.value.median) for point in self.points[-2:]]
        if len(ends) < 2 or min(min(end) for end in ends) <= 0 or ends[0][0] == ends[1][0]:
            return math.nan
        (x_0, y_0), (x_1, y_1) = ends
        return math.log(y_1 / y_0) / math.log(x_1 / x_0)


class Machine(StrictModel):
    """Where a measurement was made."""

    device: str
    """Name of the processor or accelerator."""
    system: str
    python: str
    packages: dict[str, str]
    """Package -> version."""
    n_cores: int = pydantic.Field(ge=1)
    """Cores that the process could use."""
    threads: int = pydantic.Field(ge=1)
    """Threads that each way used."""
    memory_gib: float = pydantic.Field(gt=0)
    """Memory of the machine, in GiB."""
    load: float = pydantic.Field(ge=0)
    """Cores that other processes kept busy just before; about 0 on a quiet machine."""

    @property
    def threads_in_words(self) -> str:
        """Threads that each way used, for print."""
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"


class Performance(StrictModel):
    """What one benchmark found."""

    schema_version: int = 1
    """Version of this format."""
    name: str
    """Name of the benchmark and of its file."""
    command: str
    """What makes it."""
    quick: bool
    """Whether it was cut short: fewer rounds and smaller sizes."""
    machine: Machine
    quantities: tuple[Quantity, ...] = ()
    curves: tuple[Curve, ...] = ()

    def quantity(self, name: str) -> Quantity | None:
        """Find a quantity."""
        return next((one for one in self.quantities if one.name == name), None)

    def curve(self, name: str) -> Curve | None:
        """Find a curve."""
        return next((one for one in self.curves if one.name == name), None)


def write(found: Performance, folder: Path = FOLDER) -> Path:
    """Write what a benchmark found."""
    path = folder / f"{found.name}.json"
    write_atomically(path, (found.model_dump_json(indent=1) + "\n").encode())
    return path


def read(paths: Iterable[Path]) -> tuple[Performance, ...]:
    """Read what benchmarks found."""
    found = []
    for path in sorted(set(map(Path, paths))):
        try:
            found.append(Performance.model_validate_json(path.read_bytes()))
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:150]
            raise UserError(
                f"cannot read {path} ({reason}): delete it, or measure again with {COMMAND}"
            ) from None
    return tuple(sorted(found, key=lambda one: one.name))
