"""What a run of DessiLBI puts into its record's ``measurements``: its inclusion path (dessilbi2020).

A path is the support of Γ, epoch by epoch. Counts and never ratios: who reads them divides (see
`record`). The source calls the share of non-zero weights sparsity; here it is the density.
"""

from typing import Literal

import pydantic

from partial_backprop.record import Count, Record
from partial_backprop.run_config import Frozen

KEY = "inclusion"
"""Key of an `InclusionReport` in `record.Record.measurements`."""

TICKET = "ticket"
"""Key of a `TicketReport` there."""

TOP_FIVE = "top_five"
"""Key of a `record.Count` there: test images, after the last epoch, whose class is among the five
largest outputs; only where there are many classes, as in ImageNet."""

MAX_DRAWN = 64
"""Most groups of a layer whose norms are kept."""


class Layer(Frozen):
    """A weight tensor that has a Γ."""

    name: str
    """Parameter name, such as ``fc1.weight``."""
    groups: Literal["filters", "rows", "elements"]
    """What enters the support at once: output filters, rows (output units) or single weights."""
    n_weights: int = pydantic.Field(ge=1)
    n_groups: int = pydantic.Field(ge=1)


class Epoch(Frozen):
    """Support of Γ after an epoch, and what the network is worth with and without it as a mask."""

    n_nonzero: tuple[int, ...]
    """Weights in the support, layer by layer."""
    n_entered: tuple[int, ...]
    """Groups in the support, layer by layer."""
    full_validation: Count
    full_test: Count
    sparse_validation: Count
    """Of W masked by the support of Γ, with no fine-tuning."""
    sparse_test: Count


class Path(Frozen):
    """Norms of some groups of Γ in a layer."""

    layer: str
    drawn: tuple[int, ...]
    """Numbers of the groups, from `drawn`."""
    norms: tuple[tuple[float, ...], ...]
    """Of shape (epochs, len(drawn)): ‖Γ_g‖₂ after each epoch."""


class FirstFilters(Frozen):
    """Filters of the first convolution and when each entered the support."""

    layer: str
    shape: tuple[int, int, int]
    """Input channels, height and width of a filter."""
    entered_at_step: tuple[int | None, ...]
    """Optimizer step, from 1, in which the filter's Γ left zero first; None if it never did."""
    weights: tuple[tuple[float, ...], ...]
    """W of each filter after the last epoch, unmasked, in row-major order."""


class InclusionReport(Frozen):
    """Path of a run of DessiLBI."""

    layers: tuple[Layer, ...]
    """In the order of the network; biases and norms have no Γ and are not among them."""
    epochs: tuple[Epoch, ...] = pydantic.Field(min_length=1)
    """After the first epoch, the second, and so on."""
    paths: tuple[Path, ...] = ()
    first_filters: FirstFilters | None = None
    """None where the network begins with a linear layer."""

    @pydantic.model_validator(mode="after")
    def _within(self) -> "InclusionReport":
        for epoch in self.epochs:
            counts = zip(self.layers, epoch.n_nonzero, epoch.n_entered, strict=True)
            for layer, n_nonzero, n_entered in counts:
                if not (0 <= n_nonzero <= layer.n_weights and 0 <= n_entered <= layer.n_groups):
                    raise ValueError(f"{layer.name} has a support larger than itself, or negative")
        for path in self.paths:
            widths = {len(norms) for norms in path.norms}
            if len(path.norms) != len(self.epochs) or widths != {len(path.drawn)}:
                raise ValueError(f"the path of {path.layer} lacks epochs or groups")
        return self

    def n_weights(self) -> int:
        """Count the weights that have a Γ."""
        return sum(layer.n_weights for layer in self.layers)

    def density(self, epoch: int) -> float:
        """Compute the share of weights in the support of Γ."""
        return sum(self.epochs[epoch].n_nonzero) / self.n_weights()


class Masked(Frozen):
    """What a mask leaves of a weight tensor."""

    name: str
    n_weights: int = pydantic.Field(ge=1)
    n_kept: int = pydantic.Field(ge=0)


class TicketReport(Frozen):
    """A network that was trained from the initial weights of a path under a mask of it."""

    path: str
    """Run whose initial weights and support were taken, as ``experiment/arm``."""
    mask: Literal["none", "support", "random"]
    """``support``: that of Γ; ``random``: as many of each layer, drawn at random."""
    n_epochs_of_path: int | None = None
    """Epochs of the path after which the mask was taken; None for ``none``."""
    layers: tuple[Masked, ...]

    def density(self) -> float:
        """Compute the share of weights that the mask leaves."""
        kept = sum(layer.n_kept for layer in self.layers)
        return kept / sum(layer.n_weights for layer in self.layers)


def drawn(n_groups: int) -> list[int]:
    """Choose the groups of a layer whose norms are kept."""
    n_drawn = min(n_groups, MAX_DRAWN)
    return [number * n_groups // n_drawn for number in range(n_drawn)]


def of(record: Record) -> InclusionReport:
    """Read the path out of a record."""
    return record.measured(KEY, InclusionReport, "an inclusion path")


def ticket_of(record: Record) -> TicketReport:
    """Read out of a record under which mask it was trained."""
    return record.measured(TICKET, TicketReport, "a mask")
