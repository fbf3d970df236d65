"""A mask in force that keeps all values, and an optimizer's state of all entries."""

from typing import Any

from torch import Tensor

from partial_backprop.freezing.strict import FrozenWeights
from partial_backprop.mask import Mask


class DenseHold:
    """A mask with all values at its making.

    Parameters
    ----------
    mask : Mask
        The mask.
    anchor : dict of str to Tensor
        Values of its parameters at its making.
    frozen : FrozenWeights, optional
        What holds the frozen entries; without it nothing does.
    """

    kernel = "torch"
    position_bytes = 0

    def __init__(
        self, mask: Mask, anchor: dict[str, Tensor], frozen: FrozenWeights | None = None
    ) -> None:
        self.threshold = mask.threshold
        self._mask, self._anchor, self._frozen = mask, anchor, frozen

    def mask(self) -> Mask:
        """Return the mask.

        Returns
        -------
        Mask
            Of all parameters that it covers.
        """
        return self._mask

    def anchor(self) -> dict[str, Tensor]:
        """Return the values at the making of the mask.

        Returns
        -------
        dict of str to Tensor
            By parameter name.
        """
        return self._anchor

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint needs.

        Returns
        -------
        dict
            Tensors and plain values.
        """
        return {"active": dict(self._mask), "anchor": dict(self._anchor)}

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0."""
        if self._frozen is not None:
            self._frozen.zero_gradients()

    def before_step(self) -> None:
        """Set the gradient of every frozen entry to 0."""
        self.zero_gradients()

    def after_step(self) -> None:
        """Put frozen values back."""
        if self._frozen is not None:
            self._frozen.restore_values()

    def release(self) -> None:
        """Do nothing: it has a state of every entry."""

    def let_go(self) -> "DenseHold":
        """Hold nothing any more.

        Returns
        -------
        DenseHold
            The same mask and values, for reading.
        """
        return DenseHold(self._mask, self._anchor)
