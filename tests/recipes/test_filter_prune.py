"""A small network trained with penalties on filters: zeros, removal, defects, log and times."""

import math

import pytest
import torch

from partial_backprop.experiments.filter_pruning.filter_log import log_text
from partial_backprop.measurements import filters
from partial_backprop.networks import filter_cnn
from partial_backprop.pruning.removal import remove


def report(lab, arm):
    return filters.of(lab.record("filters", arm))


def trained(lab, arm):
    model = filter_cnn.build((3, 32, 32), 10, width=0.125)
    model.load_state_dict(lab.weights("filters", arm))
    return model


@pytest.mark.parametrize("arm", ["filters", "channels"])
def test_groups_become_zero_and_can_be_removed(lab, arm):
    found, model = report(lab, arm), trained(lab, arm)
    n_zeros = sum(int((parameter == 0).sum()) for parameter in model.parameters())
    assert (
        0.2
        < n_zeros / found.total("n_weights")
        <= found.total("n_zeros") / found.total("n_weights")
    )
    assert found.small.n_parameters < 0.9 * found.whole.n_parameters
    assert found.small.n_multiply_adds < found.whole.n_multiply_adds
    assert found.small.n_bytes < found.whole.n_bytes
    smaller = remove(model)
    assert sum(parameter.numel() for parameter in smaller.parameters()) == found.small.n_parameters
    images = torch.randn(8, 3, 32, 32)
    torch.testing.assert_close(smaller.eval()(images), model.eval()(images), rtol=1e-4, atol=1e-5)
    assert found.largest_difference <= 1e-4 * max(found.largest_output, 1)
    assert found.small_test == found.test.count


@pytest.mark.parametrize("arm", ["plain", "squares", "script"])
def test_without_the_root_or_the_penalty_nothing_can_be_removed(lab, arm):
    found = report(lab, arm)
    assert found.small == found.whole
    assert found.largest_difference == 0
    assert found.total("n_zeros") < 0.01 * found.total("n_weights")
    assert found.total("n_signed") > 0.3 * found.total("n_weights")


def test_a_late_penalty_changes_nothing_before(lab):
    late, plain = (
        (lab.finished("filters", arm) / "history.csv").read_text().splitlines()
        for arm in ("late", "plain")
    )
    assert late[:3] == plain[:3]  # the heading, and two epochs
    assert late[3] != plain[3]


def test_the_sum_of_squares_shrinks_the_weights(lab):
    plain, squares = (trained(lab, arm).fc1.weight.norm() for arm in ("plain", "squares"))
    assert squares < plain


def test_two_softmaxes_bound_the_loss_from_below(lab):
    found = report(lab, "script")
    floor = math.log(1 + 9 / math.e)
    assert floor == pytest.approx(1.461, abs=1e-3)
    for scored in (found.test, found.augmented_train):
        assert scored.loss >= floor
    losses = [
        float(line.split(",")[2])
        for line in (lab.finished("filters", "script") / "history.csv").read_text().splitlines()[1:]
    ]
    assert min(losses) >= floor
    assert not trained(lab, "script")._forward_hooks


def test_both_kinds_of_test_are_in_every_record(lab):
    for arm in ("plain", "script"):
        record, found = lab.record("filters", arm), report(lab, arm)
        assert found.test.count == record.selection("last").test
        assert found.best_test == record.selection("best_on_test").test
        assert found.augmented_train.count.n_examples == record.data.n_train == 200


def test_the_log_is_that_of_the_record(lab):
    for arm in ("filters", "script"):
        text = (lab.finished("filters", arm) / "log.txt").read_text(encoding="utf-8")
        assert text == log_text(report(lab, arm), lab.resolved("filters", arm).recipe)
    assert "/200)" in text  # the training images, called test


def test_times_are_measured_in_pairs_beside_the_record(lab):
    times = filters.timing(lab.finished("filters", "filters") / "record.json")
    assert len(times) == 31
    assert (times > 0).all().all()
    assert "_s" not in " ".join(report(lab, "filters").model_dump())
