"""What benchmarks might have found, made up."""

from pathlib import Path

from partial_backprop import reported
from partial_backprop.inputs import Inputs
from partial_backprop.performance import (
    Curve,
    Goal,
    Machine,
    Performance,
    Point,
    Quantity,
    Spread,
)

MACHINE = Machine(
    device="Processor of a test",
    system="Linux x86_64",
    python="3.11.7",
    packages={"torch": "2.13.0", "numpy": "2.4.0"},
    n_cores=2,
    threads=1,
    memory_gib=8.0,
    load=0.1,
)


def spread(median: float) -> Spread:
    return Spread(low=0.9 * median, median=median, high=1.1 * median, n=5)


def once(value: float) -> Spread:
    return Spread(low=value, median=value, high=value, n=1)


def curve(name: str, *values: float, unit: str = "s", axis: str = "weights") -> Curve:
    points = tuple(Point(x=10.0**i, value=spread(one)) for i, one in enumerate(values, 3))
    return Curve(name=name, title=f"Curve of {name}", axis=axis, unit=unit, points=points)


def found(*, load: float = 0.1, missed: bool = True) -> tuple[Performance, ...]:
    """A goal met, one missed unless told otherwise, one quantity without a goal, and curves."""
    machine = MACHINE.model_copy(update={"load": load})
    at_least = Goal(value=1.0, at_least=True)
    loop = (
        Quantity(
            name="vgg19",
            title="VGG19, batch 1 of 100",
            unit="×",
            value=spread(0.8 if missed else 1.25),
            goal=at_least,
            parts={"plain": spread(2.0), "our own": spread(2.5)},
        ),
        Quantity(name="lenet5", title="LeNet-5", unit="×", value=spread(3.0), goal=at_least),
    )
    memory = Quantity(name="memory", title="Memory", unit="MiB", value=once(172.0))
    curves = (
        curve("mask_fixed_time", 0.01, 0.1, 1.0),
        curve("step_fb_time", 0.1, 0.2),
        curve("step_fb_memory", 10.0, 100.0, unit="MiB"),
        curve("jobs_time", 1.0, 2.0, axis="jobs"),
    )
    common = {"quick": False, "machine": machine}
    return (
        Performance(name="growth", command="python -m benchmarks.growth", curves=curves, **common),
        Performance(name="kde", command="python -m benchmarks.kde", quantities=(memory,), **common),
        Performance(name="loop", command="python -m benchmarks.loop", quantities=loop, **common),
    )


def inputs(**what: object) -> Inputs:
    """Inputs of a scale at which nothing ran but benchmarks."""
    config = Path(__file__).parents[1] / "config"
    return Inputs("fake", "a test", (), (), reported.read(config), found(**what))
