"""Trained with activations and gradients in few bits: bytes, variances, resumed runs."""

import pytest

from partial_backprop.experiments.tinyscript import results as measurements

N_EPOCHS, N_TRAIN, BATCH = 3, 200, 50
ARMS = ("float", "uniform", "weibull", "feedback", "activations", "gradients")


@pytest.fixture(scope="module")
def records(lab):
    """Record of each arm."""
    return {arm: lab.record("tinyscript", arm) for arm in ARMS}


@pytest.mark.parametrize("arm", ARMS)
def test_bytes(records, arm):
    found = measurements.of(records[arm])
    assert found.n_steps == N_EPOCHS * (N_TRAIN // BATCH)
    assert found.activations == (arm not in ("float", "gradients"))
    assert found.gradients == (arm not in ("float", "activations"))
    for name in ("activation", "gradient"):
        after = getattr(found, f"n_{name}_bytes")
        before = getattr(found, f"n_{name}_bytes_before")
        if getattr(found, f"{name}s"):
            assert 3 / 32 * before < after < 0.2 * before
        else:
            assert after == before == 0
    if found.gradients:
        n_parameters = records[arm].network.n_parameters
        assert found.n_gradient_bytes_before == 4 * n_parameters * found.n_steps


def test_magnitudes(records):
    found = measurements.of(records["float"]).magnitudes
    layers = list(dict.fromkeys(one.layer for one in found))
    assert len(found) == 2 * len(layers) == 10
    assert found[0].n_values == BATCH * 28 * 28
    for one in found:
        assert sum(one.bin_counts) + one.n_zeros == one.n_values
        assert one.bin_edges[-1] == pytest.approx(one.largest)
        for variances in (one.uniform_variances, one.weibull_variances):
            assert variances == tuple(sorted(variances, reverse=True))


def test_arms_differ_in_quantization_alone(records):
    weights = {arm: record.selection("last").test.n_correct for arm, record in records.items()}
    assert records["float"].network == records["weibull"].network
    assert min(weights.values()) > 0
