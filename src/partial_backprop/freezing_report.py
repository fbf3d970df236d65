"""What a run froze, as counts in its record. Plain dataclasses, since the library makes them too."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self


class _Counts:
    """A part of a record that reads and writes plain values as the record's own models do."""

    # For pydantic, which checks these where a record is read.
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def model_dump(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def model_validate(cls, content: Mapping[str, Any]) -> Self:
        """Make one of plain values."""
        return cls(**content)


@dataclasses.dataclass(frozen=True)
class LayerFreezing(_Counts):
    """Freezing counts of one parameter tensor."""

    name: str
    """Parameter name, as in ``model.named_parameters()``."""
    n_weights: int
    n_mask_zeros: int
    """Weights that the mask freezes."""
    n_natural_zeros: int
    """Weights whose gradient was exactly 0 on the batch that made the mask, before masking."""
    n_unmoved: int
    """Weights whose final value equals, bit for bit, the one at the making of the last mask."""
    drift_sum_abs: float
    """Sum over masked weights of |final value − value at the making of the last mask|."""
    drift_max_abs: float
    """The largest of these; 0 under ``strict``."""


@dataclasses.dataclass(frozen=True)
class MaskedLayer(_Counts):
    """What one mask says of one parameter tensor."""

    name: str
    n_weights: int
    n_mask_zeros: int
    n_natural_zeros: int
    """Weights whose gradient was exactly 0 on the batch that made this mask, before masking."""


@dataclasses.dataclass(frozen=True)
class MadeMask(_Counts):
    """One of the masks of a run, as counts."""

    epoch: int
    """Epoch (from 0) on whose first batch it was made."""
    threshold: float | None
    """Raw gradient magnitude that separated frozen from active, where one threshold did."""
    layers: tuple[MaskedLayer, ...]

    @classmethod
    def model_validate(cls, content: Mapping[str, Any]) -> Self:
        """Make one of plain values."""
        layers = tuple(MaskedLayer.model_validate(layer) for layer in content["layers"])
        return cls(**{**content, "layers": layers})

    def total(self, field: str) -> int:
        """Sum an integer field of `MaskedLayer` over all layers."""
        return sum(getattr(layer, field) for layer in self.layers)


@dataclasses.dataclass(frozen=True)
class FreezingReport(_Counts):
    """What was frozen, by parameter tensor."""

    threshold: float | None
    """Raw gradient magnitude that separated frozen from active, where one threshold did."""
    masked_at_epochs: tuple[int, ...]
    """Epochs (from 0) on whose first batch a mask was made."""
    layers: tuple[LayerFreezing, ...]
    """Counts of the last mask."""
    masks: tuple[MadeMask, ...] = ()
    """Every mask, in the order of their making; absent in old records."""

    def total(self, field: str) -> int:
        """Sum an integer field of `LayerFreezing` over all layers."""
        return sum(getattr(layer, field) for layer in self.layers)
