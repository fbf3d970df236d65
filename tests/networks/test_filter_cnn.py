"""Names and sizes of pruning_logs's network."""

import pytest
import torch
from tests import made as made_up

from partial_backprop import reported
from partial_backprop.networks import filter_cnn


def test_names_and_sizes_are_those_that_the_source_prints():
    model = filter_cnn.build((3, 32, 32), 10)
    found = {name: parameter.numel() for name, parameter in model.named_parameters()}
    printed = reported.read(made_up.CONFIG)
    for block in (1, 2):
        prefix = f"filters.{block}."
        listed = {
            name.removeprefix(prefix): int(entry.values["n_weights"])
            for name, entry in printed.documents["002"].entries.items()
            if name.startswith(prefix) and "n_weights" in entry.values
        }
        assert listed.pop("total") == sum(found.values()) == 17_192_650
        assert list(listed.items()) == list(found.items())
        for number in (1, 2, 3):
            counts = printed.entry("002", f"{prefix}by_filter.conv{number}_1.weight").values
            assert len(counts) == model.get_submodule(f"conv{number}_1").out_channels


@pytest.mark.parametrize(("width", "n"), [(0.25, 1_083_322), (0.125, 273_762)])
def test_narrow_networks_keep_the_form(width, n):
    """By hand: 27a + 9ab + 9bc + 16cd + d + 10d + 10 for widths a to d."""
    a, b, c, d = (round(size * width) for size in (64, 128, 256, 4096))
    assert n == 27 * a + 9 * a * b + 9 * b * c + 16 * c * d + d + 10 * d + 10
    model = filter_cnn.build((3, 32, 32), 10, width=width)
    assert sum(parameter.numel() for parameter in model.parameters()) == n
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_images_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="multiples of 8"):
        filter_cnn.build((3, 30, 32), 10)
