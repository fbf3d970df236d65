"""What a method does on the way through an epoch."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


def _as_they_are(images: Tensor) -> Tensor:
    """Return the images; the transform of a training without augmentation.

    Parameters
    ----------
    images : Tensor
        A batch.

    Returns
    -------
    Tensor
        The same.
    """
    return images


def nothing(*_: object) -> None:
    """Do nothing; the hook of a method that needs none here.

    Parameters
    ----------
    *_ : object
        Whatever the hook is called with.
    """


@dataclass(frozen=True)
class Hooks:
    """What is called on the way through an epoch.

    Parameters
    ----------
    begin_epoch : callable
        Called with the epoch from 0 before its first batch.
    augment : callable
        Called with each batch of training images; returns those to train on.
    after_backward : callable
        Called when the gradients are there and the weights not yet updated.
    after_step : callable
        Called when the optimizer has updated the weights.
    """

    begin_epoch: Callable[[int], None] = nothing
    augment: Callable[[Tensor], Tensor] = _as_they_are
    after_backward: Callable[[], None] = nothing
    after_step: Callable[[], None] = nothing
