"""What every benchmark of ``make bench`` does besides measuring: read options, write, print."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks import machine
from partial_backprop import performance
from partial_backprop.performance import Curve, Goal, Machine, Performance, Quantity, Spread


class Benchmark:
    """Gathers what a benchmark finds; writes it whenever something is added."""

    def __init__(self, name: str, quick: bool, folder: Path, threads: int | None = None) -> None:
        self.name, self.quick, self.folder, self.threads = name, quick, folder, threads
        self._machine: Machine | None = None
        self._found: list[Quantity | Curve] = []

    def on(self, threads: int, device: str | None = None) -> None:
        """Say what measures; to be called first."""
        self._machine = machine.describe(threads, device)

    def add(self, found: Iterable[Quantity | Curve]) -> None:
        """Take measurements, print them and write the file anew."""
        for one in found:
            self._found.append(one)
            print(line(one), flush=True)
        performance.write(self.result(), self.folder)

    def result(self) -> Performance:
        """Return what was found so far."""
        if self._machine is None:
            self.on(1)
        return Performance(
            name=self.name,
            command=f"python -m benchmarks.{self.name}{' --quick' if self.quick else ''}"
            f"{f' --threads {self.threads}' if self.threads else ''}",
            quick=self.quick,
            machine=self._machine,
            quantities=tuple(one for one in self._found if isinstance(one, Quantity)),
            curves=tuple(one for one in self._found if isinstance(one, Curve)),
        )


def quantity(
    name: str,
    title: str,
    unit: str,
    value: Spread,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    parts: Mapping[str, Spread] | None = None,
) -> Quantity:
    """Make a quantity, with a goal where a bound is given."""
    bound = at_least if at_most is None else at_most
    goal = None if bound is None else Goal(value=bound, at_least=at_most is None)
    return Quantity(name=name, title=title, unit=unit, value=value, goal=goal, parts=parts or {})


def number(value: float) -> str:
    """Print a number for a terminal."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def line(found: Quantity | Curve) -> str:
    """Tell of a measurement in a line."""
    if isinstance(found, Curve):
        points = ", ".join(
            f"{number(point.x)}: {number(point.value.median)}" for point in found.points
        )
        return f"{found.title:<62} {points} {found.unit} by {found.axis}"
    value, goal = found.value, ""
    if found.goal is not None:
        wanted = f"{'at least' if found.goal.at_least else 'at most'} {number(found.goal.value)}"
        goal = f"  goal {wanted}: {'met' if found.goal.is_met(value.median) else 'MISSED'}"
    ends = f"[{number(value.low)}, {number(value.high)}]"
    return f"{found.title:<62} {number(value.median):>7} {found.unit:<3} {ends:<16}{goal}"


def main(name: str, run: Callable[[Benchmark], None]) -> None:
    """Run one benchmark from the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--quick", action="store_true", help="a rough answer, soon")
    parser.add_argument("--out", type=Path, default=performance.FOLDER, metavar="FOLDER")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    chosen = parser.parse_args()
    run(Benchmark(name, chosen.quick, chosen.out, chosen.threads))
