"""The table of few bits against the records."""

import pytest
from tests import fake_tinyscript
from tests.tables.shown import texts

from partial_backprop.report import tables


def test_lines_of_arms():
    table = tables.build("table_tinyscript", fake_tinyscript.inputs())
    arms = table.frame[table.frame["part"] == "arm"].set_index("name")
    assert list(arms.index[:-1]) == list(fake_tinyscript.ARMS)  # the last: the other network
    for arm, accuracy in fake_tinyscript.ACCURACY.items():
        assert arms.loc[arm, "accuracy_percent_mean"] == accuracy + 0.5
        if arm != "float":
            assert arms.loc[arm, "difference_points_mean"] == pytest.approx(accuracy - 80)
    before, after = fake_tinyscript.ACTIVATION_BYTES, fake_tinyscript.ACTIVATION_BYTES * 3 / 32
    sizes = arms["n_activation_bytes_a_step"]
    assert sizes["float"] == sizes["gradients_weibull_2bit"] == before
    assert sizes["weibull_2bit"] == sizes["activations_weibull_2bit"] == after
    assert arms.loc["activations_weibull_2bit", "n_gradient_bytes_a_step"] == 64 * 1024


def test_lines_of_layers():
    table = tables.build("table_tinyscript", fake_tinyscript.inputs())
    layers = table.frame[table.frame["part"].isin(fake_tinyscript.RATIOS)]
    assert len(layers) == 4
    for _, line in layers.iterrows():
        found = [line[f"variance_ratio_{bits}bit"] for bits in (2, 3, 4)]
        assert found == pytest.approx(fake_tinyscript.RATIOS[line["part"]])
    printed = {line[0]: line[1:] for line in texts(table)}
    assert printed["fc, gradient"] == ["1.200", "0.250", "0.125", "0.80"]
