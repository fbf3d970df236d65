"""The seed's sums over its own summary, done again: which gradients, how many of them zeroed.

Everything is computed from the printed rows of the summary; nothing was run for it.
"""

import dataclasses
import math

from partial_backprop.reported import Reported

SEED = "000"
_ROW = "summary."


@dataclasses.dataclass(frozen=True)
class Kernel:
    """Kernel of one layer of the printed summary."""

    layer: str
    index: int  # place in Keras' flat list of weights
    n_entries: int  # the layer's parameters without its biases
    printed: (
        int | None
    )  # what the source adds up for it; None for the first kernel, which it leaves out


@dataclasses.dataclass(frozen=True)
class Arithmetic:
    """What the seed computes from its summary, and what comes out of it when it is done again."""

    kernels: tuple[Kernel, ...]
    n_all: int
    n_statistics: int  # entries that are running statistics, which have no gradient
    share: float  # of all entries, to be zeroed
    # the source's two lists of indices
    listed: tuple[int, ...]
    added: tuple[int, ...]
    printed: dict[str, float]  # the source's results

    @property
    def n_zeroed(self) -> int:
        """The share in entries, rounded as the source rounds it."""
        return math.floor(self.share * self.n_all + 0.5)

    @property
    def n_zeroed_of_gradients(self) -> int:
        """The share of those entries only that have a gradient."""
        return math.floor(self.share * (self.n_all - self.n_statistics) + 0.5)

    @property
    def n_eligible(self) -> int:
        """Entries of all kernels but the first."""
        return sum(kernel.n_entries for kernel in self.kernels[1:])

    @property
    def n_eligible_with_first(self) -> int:
        """Entries of all kernels."""
        return sum(kernel.n_entries for kernel in self.kernels)

    @property
    def mistyped(self) -> tuple[Kernel, ...]:
        """Kernels whose entries the source prints wrongly."""
        return tuple(
            kernel
            for kernel in self.kernels
            if kernel.printed is not None and kernel.printed != kernel.n_entries
        )

    @property
    def forgotten(self) -> tuple[Kernel, ...]:
        """Kernels that are in the sum, but in neither list."""
        return tuple(
            kernel
            for kernel in self.kernels
            if kernel.printed is not None and kernel.index not in self.listed + self.added
        )


def arithmetic(reported: Reported) -> Arithmetic:
    """Do the seed's sums again."""
    rows = {
        name.removeprefix(_ROW): entry.values
        for name, entry in reported.documents[SEED].entries.items()
        if name.startswith(_ROW)
    }
    own = {name: row for name, row in rows.items() if not name.startswith("batch_normalization")}
    normalised = [row for name, row in rows.items() if name not in own]
    terms = [int(term) for term in reported.entry(SEED, "sum.terms").values.values()]
    kernels = tuple(
        Kernel(name, int(row["first_index"]), int(row["parameters"] - row["channels"]), term)
        for (name, row), term in zip(own.items(), [None, *terms], strict=True)
    )
    zeroed, share, kept = (
        reported.entry(SEED, name).values for name in ("zeroed", "share", "kept")
    )
    return Arithmetic(
        kernels=kernels,
        n_all=int(sum(row["parameters"] for row in rows.values())),
        # Two of the four weights of a normalisation.
        n_statistics=int(sum(row["parameters"] for row in normalised) / 2),
        share=zeroed["share"],
        listed=tuple(int(index) for index in reported.entry(SEED, "layers").values.values()),
        added=tuple(int(index) for index in reported.entry(SEED, "sum.indices").values.values()),
        printed={
            "n_all": zeroed["all"],
            "n_zeroed": zeroed["zeroed"],
            "n_eligible": share["eligible"],
            "zeroed_percent": share["zeroed_percent"],
            "kept_of_all_percent": kept["asked_percent"],
            "kept_percent": kept["kept_percent"],
        },
    )


@dataclasses.dataclass(frozen=True)
class Line:
    """One quantity, as printed and as it comes out."""

    quantity: str
    # a count, or a percentage; None where the source prints nothing
    printed: float | None
    corrected: float  # what comes out
    is_percent: bool = False


def lines(found: Arithmetic) -> tuple[Line, ...]:
    """List the sums, in the seed's order, and then what they would be otherwise."""

    def percent(part: int, whole: int) -> float:
        return 100 * part / whole

    printed = found.printed
    zeroed = percent(found.n_zeroed, found.n_eligible)
    with_first = percent(found.n_zeroed, found.n_eligible_with_first)
    share = f"{100 * found.share:g} %"
    of_gradients = percent(found.n_zeroed_of_gradients, found.n_eligible)
    return (
        Line("entries of all weights", printed["n_all"], found.n_all),
        Line(f"{share} of them, to be zeroed", printed["n_zeroed"], found.n_zeroed),
        *(
            Line(f"kernel of {one.layer}, index {one.index}", one.printed, one.n_entries)
            for one in found.kernels
            if one in found.mistyped
        ),
        Line("kernels in the list of the sum", len(found.added), len(found.kernels) - 1),
        Line("eligible: their entries", printed["n_eligible"], found.n_eligible),
        Line("zeroed, of the eligible", printed["zeroed_percent"], zeroed, True),
        Line("kept, of the eligible", printed["kept_percent"], 100 - zeroed, True),
        Line(
            "kept, of all",
            printed["kept_of_all_percent"],
            100 - percent(found.n_zeroed, found.n_all),
            True,
        ),
        Line("eligible with the first kernel: entries", None, found.n_eligible_with_first),
        Line("zeroed, of these", None, with_first, True),
        Line("entries that have a gradient", None, found.n_all - found.n_statistics),
        Line(f"{share} of those", None, found.n_zeroed_of_gradients),
        Line(f"{share} of those, of the eligible", None, of_gradients, True),
    )
