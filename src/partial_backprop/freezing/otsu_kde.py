"""Freeze below the paper's automatic threshold: density, high-likelihood range, Otsu."""

from collections.abc import Mapping

from torch import Tensor

from partial_backprop.freezing.otsu import otsu_kde
from partial_backprop.freezing.thresholds import magnitudes, split
from partial_backprop.mask import Mask
from partial_backprop.ranges import Share


def mask(
    gradients: Mapping[str, Tensor],
    *,
    n_bins: int = 300,
    bandwidth: str = "silverman",
    reflect: bool = True,
    likely: str = "mass",
    mass: Share = 0.95,
    peak_fraction: Share = 0.01,
    positions: str = "mean",
    frozen: str = "at_or_below",
) -> Mask:
    """Freeze the weights below the threshold that equations 1 to 3 find.

    Parameters
    ----------
    gradients : mapping of str to Tensor
        Gradients by parameter name; those that are exactly 0 are frozen, but have no say in the
        threshold.
    n_bins : int, default=300
        Sub-ranges of the high-likelihood range G_n, of equal width; 2 at least.
    bandwidth : {"silverman", "scott"}, default="silverman"
        Rule for the kernel's bandwidth h (see `density.kde`). The paper names none. ``silverman``
        is the one that a heavy tail does not inflate.
    reflect : bool, default=True
        Reflect the kernel at 0. The paper does not say; without it half of the mass of the
        smallest magnitudes lies below 0.
    likely : {"mass", "peak"}, default="mass"
        What "a high likelihood of the gradients observation" means: ``mass``, the shortest interval
        that holds `mass` of the density; ``peak``, the smallest interval outside which the density
        stays below `peak_fraction` of its maximum.
    mass : float, default=0.95
        Share of the density in G_n, between 0 and 1 (``likely="mass"``). Of all options this one
        decides: on LeNet-5 after two epochs of MNIST (one batch of 100), 0.5, 0.8, 0.95 and 0.99
        freeze 52, 70, 84 and 91 % of the weights; the paper's own figures lie between 50 and 94 %.
    peak_fraction : float, default=0.01
        Share of the density's maximum, between 0 and 1 (``likely="peak"``).
    positions : {"mean", "index"}, default="mean"
        Position of a sub-range on Otsu's axis: ``mean``, the mean of its gradients, as the text
        says ("operating on the mean values in G_d"); ``index``, the i of equation 3. The sub-ranges
        being of equal width, the two seldom differ by more than one of them.
    frozen : {"at_or_below", "below", "above"}, default="at_or_below"
        Side of the threshold that is frozen: ``<=`` as in the listing, ``<`` as in the prose,
        ``>`` as a control.

    Returns
    -------
    Mask
        False where frozen.

    Raises
    ------
    ValueError
        If there are no gradients or no two different non-zero magnitudes in G_n, one is not finite,
        or an option is unknown or out of range.

    Notes
    -----
    The threshold is the mean of the last sub-range of the lower class, as the paper says, so the
    larger half of that sub-range stays active.

    *Departures.* Equation 1 lacks the factor 1/h that makes it a density; it has no effect on G_n.
    The division by the learning rate is left out, as a mere change of unit.

    References
    ----------
    pb2020, section 3.1, equations 1 to 3.
    """
    found = otsu_kde(
        magnitudes(gradients),
        n_bins=n_bins,
        bandwidth=bandwidth,
        reflect=reflect,
        likely=likely,
        mass=mass,
        peak_fraction=peak_fraction,
        positions=positions,
        frozen=frozen,
    )
    return split(gradients, found.threshold, frozen)
