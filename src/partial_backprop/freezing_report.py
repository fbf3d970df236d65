"""What a run froze, as counts in its record."""

from partial_backprop.run_config import Frozen


class LayerFreezing(Frozen):
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


class MaskedLayer(Frozen):
    """What one mask says of one parameter tensor."""

    name: str
    n_weights: int
    n_mask_zeros: int
    n_natural_zeros: int
    """Weights whose gradient was exactly 0 on the batch that made this mask, before masking."""


class MadeMask(Frozen):
    """One of the masks of a run, as counts."""

    epoch: int
    """Epoch (from 0) on whose first batch it was made."""
    threshold: float | None
    """Raw gradient magnitude that separated frozen from active, where one threshold did."""
    layers: tuple[MaskedLayer, ...]

    def total(self, field: str) -> int:
        """Sum a count over all layers.

        Parameters
        ----------
        field : str
            Name of an integer field of `MaskedLayer`.

        Returns
        -------
        int
            The sum.
        """
        return sum(getattr(layer, field) for layer in self.layers)


class FreezingReport(Frozen):
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
        """Sum a count over all layers.

        Parameters
        ----------
        field : str
            Name of an integer field of `LayerFreezing`.

        Returns
        -------
        int
            The sum.
        """
        return sum(getattr(layer, field) for layer in self.layers)
