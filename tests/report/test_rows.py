"""Rows of records of every kind: counts become percentages, and nothing is mixed."""

import dataclasses

import pytest
import torch
from tests import fake_captions, fake_filters, fake_inclusion
from torch import nn

from partial_backprop.experiments.dessilbi import step_costs
from partial_backprop.experiments.dessilbi.paths import varied
from partial_backprop.measurements import filters
from partial_backprop.optim.dessilbi import DessiLBI
from partial_backprop.report.frame import results, select


@pytest.fixture(scope="module")
def runs():
    return fake_inclusion.inputs((0, 1)).runs


def of(runs, *experiments):
    return [run for run in runs if run.record.experiment in experiments]


def test_a_path_has_a_row_per_epoch(runs):
    frame = results(of(runs, "dessilbi_conv4")).frame
    where = {"seed": 0, "layer": None}
    stages = frame[frame["metric"].eq("sparse_accuracy_percent") & frame["seed"].eq(0)]["stage"]
    epochs = [stage for stage in stages if stage.startswith("epoch_")]
    assert epochs == [f"epoch_{n}" for n in range(1, fake_inclusion.EPOCHS + 1)]
    n, density = (
        select(frame, metric, stage="last", **where) for metric in ("n_nonzero", "density_percent")
    )
    n_weights = select(frame, "n_weights", stage="last", **where)
    assert density.tolist() == pytest.approx((100 * n / n_weights).tolist())
    for kind, accuracy in (("sparse", 88.0), ("full", 90.0)):
        found = select(frame, f"{kind}_accuracy_percent", stage="last", **where)
        assert found.tolist() == [accuracy]


def test_layers_are_numbered_by_their_kind(runs):
    frame = results(of(runs, "dessilbi_conv4")).frame
    rows = frame[frame["metric"].eq("n_ever") & frame["seed"].eq(0)]
    assert rows["layer"].tolist() == ["Conv1", "Conv2", "Conv3", "Conv4", "FC1", "FC2", "FC3"]


@pytest.mark.parametrize(("which", "values"), [("kappa", [1, 2, 5]), ("nu", [10, 100, 1000])])
def test_only_one_hyperparameter_differs(runs, which, values):
    for experiment in fake_inclusion.TUNED.values():
        own = results(of(runs, experiment)).frame
        found = varied(own, which, experiment)
        assert list(found) == values
        assert "base" in found.values()
        without_base = own[own["arm"].ne("base")]
        assert varied(without_base, which, experiment) == {}


def test_tickets_have_the_density_of_their_mask(runs):
    frame = results(of(runs, fake_inclusion.TICKETS["vgg16"])).frame
    accuracy = select(frame, "test_accuracy_percent", stage="last", arm="ticket")
    assert accuracy[1] == pytest.approx(79.1)


def test_the_norm_that_a_group_needs_to_enter():
    """Against a path on which W stands still: it enters at the last step, or not at all."""
    run = next(run for run in fake_inclusion.inputs().runs if run.record.arm == "path")
    training = run.record.config.training.model_copy(
        update={"batch_size": 300, "epochs": 3, "milestones": (2,)}
    )
    recipe = dict(run.record.config.recipe) | {"lam": 0.5, "nu": 2.0}
    resolved = run.record.config.model_copy(update={"training": training, "recipe": recipe})
    changed = run.record.model_copy(update={"config": resolved})
    frame = results([dataclasses.replace(run, record=changed)]).frame
    (needed,) = select(frame, "norm_to_enter")
    rate, n_steps = training.optimizer.learning_rate, 7  # 2,000 images in batches of 300
    for factor, enters in ((1.001, True), (0.999, False)):
        weight = nn.Parameter(torch.tensor([[needed * factor]], dtype=torch.float64))
        optimizer = DessiLBI([weight], rate, kappa=1e-12, nu=2.0, lam=0.5)
        for step in range(3 * n_steps):
            optimizer.param_groups[0]["lr"] = rate * (1 if step < 2 * n_steps else training.decay)
            weight.grad = torch.zeros_like(weight)
            optimizer.step()
        assert bool(optimizer.support()[weight]) == enters


@pytest.fixture
def costs(tmp_path):
    fake_inclusion.write_times(tmp_path)
    return of(fake_inclusion.inputs((0,), folder=tmp_path).runs, fake_inclusion.COST)


def test_ratios_of_costs_are_taken_within_a_round(costs):
    # In one of the three rounds everything took twice as long.
    frame = results(costs).frame
    for layer, ratio in (("dessilbi_mom", 1.3), ("adam", 1.2), ("sgd", 1)):
        assert select(frame, "times_sgd", layer=layer).tolist() == pytest.approx([ratio])
    assert select(frame, "step_s", layer="sgd").tolist() == [0.01]


def test_without_plain_sgd_there_is_no_ratio(costs):
    times = costs[0].path.with_name(step_costs.TIMING)
    lines = [line for line in times.read_text().splitlines() if ",sgd," not in line]
    times.write_text("\n".join(lines) + "\n")
    frame = results(costs).frame
    assert select(frame, "times_sgd", layer="adam").empty
    assert len(select(frame, "step_s", layer="adam")) == 1


def test_zeros_of_filters_are_shares_and_times_medians(tmp_path):
    inputs = fake_filters.inputs((0, 1), folder=tmp_path)
    path = tmp_path / "filter_pruning" / "group_filters" / "seed0" / filters.TIMING
    path.parent.mkdir(parents=True)
    path.write_text("whole_s,small_s\n2e-3,1e-3\n4e-3,1e-3\n4e-3,1e-3\n")
    frame = results(inputs.runs).frame
    expected = {
        "zeros_percent": pytest.approx(50),
        "signed_percent": pytest.approx(75, abs=0.2),  # half of the others are negative
        "augmented_train_accuracy_percent": 68,
        "n_parameters_left_percent": pytest.approx(25, abs=0.01),
        "time_left_percent": 25,
        "whole_time_s": 4e-3,
    }
    for metric, value in expected.items():
        found = select(frame, metric, arm="group_filters", layer=None)
        assert found[0] == value, metric
    times = select(frame, "time_left_percent", arm="group_filters", layer=None)
    assert times.index.tolist() == [0]


def test_scores_of_captions_are_those_of_the_counts():
    frame = results(fake_captions.inputs(seeds=(0, 2)).runs).frame
    for where, expected in (
        ({"metric": "bleu_4", "decoding": "beam", "references": "five"}, 0.5),
        ({"metric": "bleu_1", "decoding": "greedy", "references": "five"}, 0.45),
        ({"metric": "bleu_2", "decoding": "teacher", "references": "one"}, 0.3),
        ({"metric": "bleu_4", "decoding": "beam", "references": "shuffled"}, 0.1),
    ):
        assert select(frame, arm="pb", **where)[0] == pytest.approx(expected)


def test_zero_gradients_of_captions_are_told_apart():
    frame = results(fake_captions.inputs().runs).frame
    # 600 of 1000 are masked by a threshold, 200 of which are zero anyway, 150 in the embedding.
    for metric, percent in {
        "mask_zeros_percent": 60,
        "natural_zeros_percent": 20,
        "masked_not_natural_percent": 40,
        "embedding_percent": 75,
        "unmoved_percent": 60,
    }.items():
        assert select(frame, metric, arm="pb", layer=None)[0] == pytest.approx(percent), metric
    # A random mask leaves zeros out, and FB freezes nothing: there is no such share.
    for arm in ("fb", "pb_random"):
        assert select(frame, "masked_not_natural_percent", arm=arm).empty
