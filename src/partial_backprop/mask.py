"""Which weights are active (trained) and which are frozen."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class Mask(Mapping[str, Tensor]):
    """One boolean tensor for each parameter: True where the weight is active, False where frozen.

    Parameters
    ----------
    active : mapping of str to Tensor
        Parameter name to a tensor of the parameter's shape, boolean or holding only 0 and 1.
    threshold : float, optional
        Raw gradient magnitude (same units as ``parameter.grad``) that separated the two, where
        one threshold did.

    Raises
    ------
    ValueError
        If an entry is anything but 0 and 1.
    """

    def __init__(self, active: Mapping[str, Tensor], threshold: float | None = None) -> None:
        self._active: dict[str, Tensor] = {}
        self.threshold = threshold
        for name, entries in active.items():
            if entries.dtype != torch.bool:
                if not bool(((entries == 0) | (entries == 1)).all()):
                    raise ValueError(f"a mask holds only 0 and 1, but the one of {name!r} does not")
                entries = entries.bool()
            self._active[name] = entries

    def __getitem__(self, name: str) -> Tensor:
        return self._active[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._active)

    def __len__(self) -> int:
        return len(self._active)

    def n_weights(self) -> int:
        """Count all weights that the mask covers.

        Returns
        -------
        int
            Number of entries.
        """
        return sum(entries.numel() for entries in self._active.values())

    def n_frozen(self) -> int:
        """Count the frozen weights.

        Returns
        -------
        int
            Number of entries that are False.
        """
        return sum(entries.numel() - int(entries.sum()) for entries in self._active.values())
