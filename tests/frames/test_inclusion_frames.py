"""From records of DessiLBI to frames: counts become percentages, and epochs are chosen by a rule."""

import dataclasses

import pandas as pd
import pytest
import torch
from tests import fake_inclusion
from tests import made as made_up
from torch import nn

from partial_backprop.experiments.dessilbi import inclusion_arms, inclusion_frames
from partial_backprop.experiments.dessilbi.inclusion_arms import LAYERS, TICKETS, TUNED
from partial_backprop.optim.dessilbi import DessiLBI


@pytest.fixture(scope="module")
def runs():
    return fake_inclusion.inputs((0, 1)).runs


def test_a_row_an_epoch(runs):
    found = inclusion_frames.epochs(inclusion_arms.of(runs, "dessilbi_conv4"))
    assert found["after"].tolist() == [*range(1, fake_inclusion.EPOCHS + 1)] * 2
    last = found.iloc[-1]
    assert last["density_percent"] == pytest.approx(100 * last["n_nonzero"] / last["n_weights"])
    assert last["full_test_percent"] == pytest.approx(100 * last["full_test_n_correct"] / 1000)
    assert (last["sparse_test_percent"], last["full_test_percent"]) == (88.1, 90.1)
    assert (last["kappa"], last["nu"]) == (1, 20)


def test_runs_without_a_path_give_no_row(runs):
    plain = [run for run in runs if run.record.arm in ("adam", "dense")]
    assert len(plain) > 2
    for frame in (inclusion_frames.epochs(plain), inclusion_frames.layers(plain)):
        assert frame.empty
        assert "density_percent" in frame


def test_layers_are_numbered_by_their_kind(runs):
    found = inclusion_frames.layers(inclusion_arms.of(runs, "dessilbi_conv4"))
    titles = found.loc[found["seed"].eq(0), "title"].tolist()
    assert titles == ["Conv1", "Conv2", "Conv3", "Conv4", "FC1", "FC2", "FC3"]
    share = 100 * found["n_nonzero"] / found["n_weights"]
    assert found["density_percent"].tolist() == pytest.approx(share.tolist())
    assert set(LAYERS) <= {run.record.experiment for run in runs}


def frame(full: list[int], sparse: list[int]) -> pd.DataFrame:
    columns = {
        f"{kind}_{split}_n_correct": counts
        for kind, counts in (("full", full), ("sparse", sparse))
        for split in ("validation", "test")
    }
    return pd.DataFrame({"seed": 0, "after": range(1, len(full) + 1), **columns})


def test_epochs_are_chosen_by_the_network_that_is_meant():
    found = frame([1, 5, 3, 5], [4, 1, 2, 3])
    for rule in ("best_on_validation", "paper_protocol"):
        assert inclusion_frames.chosen(found, "full", rule)["after"].tolist() == [2]
        assert inclusion_frames.chosen(found, "sparse", rule)["after"].tolist() == [1]
    assert inclusion_frames.chosen(found, "sparse", "last")["after"].tolist() == [4]
    assert inclusion_frames.chosen(found.iloc[:0], "full", "last").empty


@pytest.mark.parametrize(
    ("which", "values", "fixed"),
    [("kappa", [1, 2, 5], ("nu", 100)), ("nu", [10, 100, 1000], ("kappa", 1))],
)
def test_only_one_hyperparameter_differs(runs, which, values, fixed):
    found = inclusion_frames.varied(runs, which)
    name, value = fixed
    assert set(found[name]) == {value}
    assert list(found["network"].unique()) == list(TUNED)
    for _, own in found.groupby("network"):
        assert own[which].unique().tolist() == values
        assert not own.duplicated([which, "seed", "after"]).any()
        assert own["arm"].eq("base").any()


def test_without_a_base_nothing_is_known_to_be_fixed(runs):
    others = [run for run in runs if run.record.arm != "base"]
    assert inclusion_frames.varied(others, "kappa").empty
    assert inclusion_frames.varied([], "nu").empty


@pytest.mark.parametrize(
    ("n_epochs", "expected"),
    [(160, [20, 40, 80, 160]), (8, [1, 2, 4, 8]), (1, [1, 1, 1, 1]), (3, [1, 1, 2, 3])],
)
def test_readings_are_the_source_s_shares_of_the_training(n_epochs, expected):
    assert inclusion_frames.readings(n_epochs) == expected


def test_tickets(runs):
    found = inclusion_frames.tickets(inclusion_arms.of(runs, *TICKETS.values()))
    last = found[found["rule"].eq("last") & found["network"].eq("vgg16") & found["seed"].eq(1)]
    by_mask = last.set_index("mask")
    assert by_mask["test_percent"].to_dict() == {"none": 80.1, "random": 70.1, "support": 79.1}
    assert by_mask.loc["none", "density_percent"] == 100
    assert by_mask.loc["support", "density_percent"] == pytest.approx(25, abs=0.1)
    assert by_mask.loc["support", "after"] == 2


def test_printed_layers():
    reported = made_up.printed()
    assert inclusion_arms.printed_layer(reported, 7, "FC1") == (0.049, 235_200)
    assert inclusion_arms.printed_layer(reported, 7, "FC3") == (0.398, 1000)
    for share, n_weights in (
        inclusion_arms.printed_layer(reported, 8, "FC1"),
        inclusion_arms.printed_layer(reported, 7, "all"),
    ):
        assert share != share
        assert n_weights != n_weights


def test_names_in_print():
    assert inclusion_arms.title("resnet56") == "ResNet-56"
    assert inclusion_arms.title("mine") == "mine"


def test_the_norm_that_a_group_needs_to_enter():
    """Against a path on which W stands still: it enters at the last step, or not at all."""
    run = next(run for run in fake_inclusion.inputs().runs if run.record.arm == "path")
    training = run.record.config.training.model_copy(
        update={"batch_size": 300, "epochs": 3, "milestones": (2,)}
    )
    recipe = dict(run.record.config.recipe) | {"lam": 0.5, "nu": 2.0}
    resolved = run.record.config.model_copy(update={"training": training, "recipe": recipe})
    changed = run.record.model_copy(update={"config": resolved})
    needed = inclusion_frames.norm_to_enter(dataclasses.replace(run, record=changed))
    rate, n_steps = training.optimizer.learning_rate, 7  # 2,000 images in batches of 300
    for factor, enters in ((1.001, True), (0.999, False)):
        weight = nn.Parameter(torch.tensor([[needed * factor]], dtype=torch.float64))
        optimizer = DessiLBI([weight], rate, kappa=1e-12, nu=2.0, lam=0.5)
        for step in range(3 * n_steps):
            optimizer.param_groups[0]["lr"] = rate * (1 if step < 2 * n_steps else training.decay)
            weight.grad = torch.zeros_like(weight)
            optimizer.step()
        assert bool(optimizer.support()[weight]) == enters
