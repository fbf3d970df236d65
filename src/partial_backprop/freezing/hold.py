"""What a mask in force does from step to step."""

from typing import Any, Protocol

from torch import Tensor

from partial_backprop.mask import Mask


class Hold(Protocol):
    """A mask in force."""

    threshold: float | None
    """Raw gradient magnitude that separated frozen from active, where one did."""
    kernel: str
    """What made the last step: ``torch``, ``numba`` or ``triton``."""
    position_bytes: int
    """Bytes that the positions of active entries take."""

    def mask(self) -> Mask:
        """Return the mask.

        Returns
        -------
        Mask
            Of all parameters that it covers.
        """

    def anchor(self) -> dict[str, Tensor]:
        """Return the values at the making of the mask.

        Returns
        -------
        dict of str to Tensor
            By parameter name.
        """

    def saved(self) -> dict[str, Any]:
        """Return what a checkpoint needs.

        Returns
        -------
        dict
            Tensors and plain values.
        """

    def zero_gradients(self) -> None:
        """Set the gradient of every frozen entry to 0."""

    def before_step(self) -> None:
        """Prepare for the optimizer's step."""

    def after_step(self) -> None:
        """Finish the optimizer's step."""

    def release(self) -> None:
        """Give the optimizer a state of every entry, before another mask is made."""

    def let_go(self) -> "Hold":
        """Let the optimizer move everything again.

        Returns
        -------
        Hold
            The same mask and values, for reading.
        """
