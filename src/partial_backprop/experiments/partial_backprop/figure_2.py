"""Figure 2: histograms of VGG19's gradients after the shared epochs (pb2020, Figure 2)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from partial_backprop.errors import UserError
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.facts import of_sample
from partial_backprop.figures import style
from partial_backprop.gradients import GradientSample, LayerGradients
from partial_backprop.inputs import Inputs

EXPERIMENT = "vgg19_cifar10"
CONVOLUTIONS = (3, 7, 10, 13)
"""Convolutions of the figure, counted from 1 in forward order."""


def draw(inputs: Inputs) -> Figure:
    """Draw the histograms of one sample, that of the lowest seed."""
    samples = [sample for sample in inputs.gradients if sample.experiment == EXPERIMENT]
    if not samples:
        return style.not_run(f"{cnns.CNNS[EXPERIMENT]}, gradients")
    figure, panels = style.panels([1.5, 1.5], 2, 0.5)
    sample = min(samples, key=lambda sample: sample.seed)
    reach = 0.0
    for panel, number, letter in zip(panels.flat, CONVOLUTIONS, "abcd", strict=True):
        layer = _convolution(sample, number)
        reach = max(reach, _histogram(panel, layer, sample))
        zeros = 100 * layer.n_natural_zeros / layer.n_weights
        panel.set_title(
            f"({letter}) convolution {number}: {layer.n_weights:,} weights,\n"
            f"{zeros:.1f} % exactly zero, left out"
        )
    threshold = sample.density.tweaked / sample.learning_rate
    power = 10.0 ** np.floor(np.log10(reach))
    for panel in panels.flat:  # one axis, linear in the middle and logarithmic beyond
        panel.set_xscale("symlog", linthresh=max(threshold, reach / 50))
        panel.set_xlim(-1.1 * reach, 1.1 * reach)
        panel.xaxis.set_major_locator(FixedLocator([-power, -power / 10, 0, power / 10, power]))
        panel.xaxis.set_minor_locator(NullLocator())
    for panel in panels[:, 0]:
        panel.set_ylabel("weights per bin")
    for panel in panels[1]:
        panel.set_xlabel("gradient / learning rate")
    share = 100 * sample.density.share_below_tweaked
    handles = [
        Patch(facecolor=style.ARMS["fb"].color, alpha=0.7, label="non-zero gradients"),
        Line2D(
            [],
            [],
            color=style.FROZEN,
            linestyle=(0, (4, 1.5)),
            label=f"± tweaked threshold: {share:.1f} % of the network",
        ),
    ]
    style.legend_above(figure, handles, 2)
    heading = of_sample(cnns.CNNS[EXPERIMENT], sample).heading()
    figure.supxlabel(heading, fontsize=7, color=style.NEUTRAL)
    return figure


def _convolution(sample: GradientSample, number: int) -> LayerGradients:
    found = {layer.convolution: layer for layer in sample.layers if layer.convolution is not None}
    if number not in found:
        raise UserError(
            f"figure_2 draws convolution {number} of {EXPERIMENT}, whose network at scale "
            f"{sample.scale} has {len(found)}: keep its depth and reduce its width"
        )
    return found[number]


def _histogram(panel: Axes, layer: LayerGradients, sample: GradientSample) -> float:
    """Draw one layer; returns how far its gradients reach."""
    edges = np.array(layer.edges) / sample.learning_rate
    counts = np.array(layer.counts)
    color = style.ARMS["fb"].color
    # The axis starts below one weight, so that a bin that holds one is seen.
    panel.stairs(counts, edges, fill=True, color=color, alpha=0.7, baseline=0.5)
    threshold = sample.density.tweaked / sample.learning_rate
    for end in (-threshold, threshold):
        panel.axvline(end, color=style.FROZEN, linestyle=(0, (4, 1.5)), linewidth=1)
    panel.set_yscale("log")
    filled = np.flatnonzero(counts)
    reach = abs(edges[filled[[0, -1]] + [0, 1]]).max() if filled.size else 0.0
    panel.set_ylim(0.5, None)
    return max(reach, 1.2 * threshold)
