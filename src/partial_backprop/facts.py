"""What ran, in words: network, data, sizes, epochs and seeds of an experiment.

Every table and figure names these, so that no number stands without them.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from partial_backprop import labels
from partial_backprop.errors import UserError
from partial_backprop.gradients import GradientSample
from partial_backprop.inputs import Run
from partial_backprop.record import DataFacts, NetworkFacts


@dataclasses.dataclass(frozen=True)
class Facts:
    """Network, data and length of an experiment's runs."""

    title: str  # printed name of the network
    network: NetworkFacts  # the network that was trained
    data: DataFacts  # the data that it saw
    epochs: int | None  # epochs in all; None where the runs do not tell
    seeds: tuple[int, ...]  # seeds, in increasing order
    current: bool = True  # whether all runs were made with today's configuration
    milestones: tuple[int, ...] = ()  # epochs after which the learning rate falls

    def name(self) -> str:
        """Return the network's printed name, marked where it is not at full size."""
        return self.title if self.network.full_size else f"{self.title} (reduced)"

    def who(self) -> str:
        """Say which network ran."""
        size = "full size" if self.network.full_size else "reduced"
        return f"{self.title} ({size}, {self.network.n_parameters:,} parameters)"

    def schedule(self) -> str:
        """Say how long it ran, and after which epochs the learning rate fell."""
        if self.epochs is None:
            return ""
        falls = ", ".join(str(epoch) for epoch in self.milestones if epoch < self.epochs)
        return ("1 epoch" if self.epochs == 1 else f"{self.epochs} epochs") + (
            f" ({falls})" if falls else ""
        )

    def where(self) -> str:
        """Say in short which network ran on what, and how long."""
        images = f"{labels.data(self.data.name)}, {self.data.n_train:,} images"
        return f"{self.name()} on {images}, {self.schedule()}"

    def heading(self) -> str:
        """Name network, data and number of seeds, for the title of a panel."""
        n = len(self.seeds)
        seeds = "one seed" if n == 1 else f"{n} seeds"
        return f"{self.name()} on {labels.data(self.data.name)}, {seeds}"

    def how(self) -> str:
        """Say on what, how long and how often it ran."""
        parts = [
            f"{labels.data(self.data.name)} ({self.data.n_train:,} training, "
            f"{self.data.n_validation:,} validation, {self.data.n_test:,} test images)"
        ]
        if self.epochs is not None:
            parts.append(f"{self.epochs} epochs" if self.epochs != 1 else "1 epoch")
        parts.append(numbered("seed", self.seeds))
        outdated = "" if self.current else " (recorded with an earlier configuration)"
        return f"{', '.join(parts)}{outdated}"


def sentences(found: Iterable[Facts | None]) -> list[str]:
    """Say what ran, naming once what several networks have in common."""
    groups: dict[str, list[str]] = {}
    for facts in found:
        if facts is not None:
            groups.setdefault(facts.how(), []).append(facts.who())
    return [f"{', '.join(who)} on {how}." for how, who in groups.items()]


def numbered(noun: str, values: Iterable[int]) -> str:
    """Put numbers behind a noun."""
    numbers = sorted(set(values))
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{noun}s {numbers[0]}–{numbers[-1]}"
    return f"{noun}s {', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


def of_runs(experiment: str, title: str, runs: Sequence[Run]) -> Facts | None:
    """Collect the facts of an experiment, which its runs must share."""
    chosen = [run for run in runs if run.record.experiment == experiment]
    if not chosen:
        return None
    first = chosen[0].record
    for run in chosen:
        found = run.record
        pairs = {
            "network": (first.network, found.network),
            "data": (_sizes(first.data), _sizes(found.data)),
            "epochs": (_epochs(chosen[0]), _epochs(run)),
        }
        for what, (one, other) in pairs.items():
            if one is None or one != other:
                raise UserError(
                    f"{chosen[0].path} and {run.path} differ in {what} and cannot be compared: "
                    f"delete the outdated one and run {experiment} again"
                )
    seeds = tuple(sorted({run.record.seed for run in chosen}))
    current = all(run.current for run in chosen)
    training = first.config.training
    milestones = training.milestones if training else ()
    return Facts(title, first.network, first.data, _epochs(chosen[0]), seeds, current, milestones)


def _sizes(data: DataFacts | None) -> tuple[object, ...] | None:
    # Not the checksum: seeds may draw different subsets of one set.
    return None if data is None else (data.name, data.n_train, data.n_validation, data.n_test)


def _epochs(run: Run) -> int | None:
    training = run.record.config.training
    return None if training is None else training.epochs


def of_sample(title: str, sample: GradientSample) -> Facts:
    """Collect the facts of a gradient sample."""
    return Facts(title, sample.network, sample.data, sample.epochs, (sample.seed,))
