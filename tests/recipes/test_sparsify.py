"""Trained with gradients zeroed: counts that add up, arms that differ in nothing else, resumed runs."""

import pytest

from partial_backprop.errors import UserError
from partial_backprop.experiments.gradient_counts import results as gradient_counts

N_EPOCHS, N_TRAIN, BATCH = 3, 200, 50


@pytest.fixture(scope="module")
def records(lab):
    """Record of each of the three arms."""
    return {arm: lab.record("sparsification", arm) for arm in ("full", "threshold", "random")}


@pytest.mark.parametrize("arm", ["full", "threshold", "random"])
def test_counts_add_up(records, arm):
    found = gradient_counts.of(records[arm])
    assert found.method == arm
    assert found.n_steps == N_EPOCHS * (N_TRAIN // BATCH)
    assert [weight.index for weight in found.weights] == list(range(44))
    n_all, n_trainable = (
        sum(weight.n_entries for weight in found.weights if weight.trainable or everything)
        for everything in (True, False)
    )
    assert n_trainable == records[arm].network.n_parameters
    assert found.n_asked == round(0.4 * n_all)
    assert found.total("n_zeroed", eligible=False) == 0
    zeroed = found.total("n_zeroed")
    if arm == "full":
        assert zeroed == 0
    else:
        # By chance two magnitudes may be equal at the threshold.
        assert zeroed == pytest.approx(found.n_steps * found.n_asked, rel=1e-3)
        assert zeroed >= found.n_steps * found.n_asked
    assert len(found.thresholds) == (N_EPOCHS if arm == "threshold" else 0)


def test_the_smallest_gradients_carry_less_than_as_many_at_random(records):
    small, random = (
        found.total("squares_zeroed") / found.total("squares")
        for found in (gradient_counts.of(records[arm]) for arm in ("threshold", "random"))
    )
    n_eligible = sum(
        weight.n_entries
        for weight in gradient_counts.of(records["random"]).weights
        if weight.eligible
    )
    share = gradient_counts.of(records["random"]).n_asked / n_eligible
    assert small < 0.1
    assert random == pytest.approx(share, abs=0.05)


def test_arms_differ_in_the_zeroed_gradients_alone(lab):
    """One zeroed gradient of thousands a step: same weights, order and dropout, so nearly the same loss."""
    full, hardly = (
        float(lab.history("sparsification", arm)[0].split(",")[2]) for arm in ("full", "hardly")
    )
    assert gradient_counts.of(lab.record("sparsification", "hardly")).n_asked == 1
    assert hardly != full
    assert hardly == pytest.approx(full, rel=1e-3)


def test_the_indices_are_those_of_the_seeds_summary(records):
    weights = gradient_counts.of(records["full"]).weights
    eligible = [weight.index for weight in weights if weight.eligible]
    assert eligible == [
        6,
        12,
        18,
        24,
        30,
        36,
        42,
    ]  # gradient_notes, line 75, and the 18 that it forgot
    assert (weights[18].layer, weights[18].role) == ("conv2d_3", "kernel")


def test_images_can_be_shifted(lab, records):
    shifted = lab.record("sparsification", "shifted")
    squares = [gradient_counts.of(one).total("squares") for one in (shifted, records["full"])]
    assert squares[0] != squares[1]


def test_a_record_without_counts_is_told(records):
    empty = records["full"].model_copy(update={"measurements": {}})
    with pytest.raises(UserError, match="zeroed"):
        gradient_counts.of(empty)
    damaged = records["full"].measurements[gradient_counts.KEY] | {"share": 2}
    wrong = records["full"].model_copy(update={"measurements": {gradient_counts.KEY: damaged}})
    with pytest.raises(UserError, match=r"is damaged \(share"):
        gradient_counts.of(wrong)
