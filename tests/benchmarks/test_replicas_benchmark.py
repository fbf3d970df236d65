"""Both ways train the same weights, so that only their speed is compared."""

import pytest
import torch
from benchmarks.our_loop import N_CLASSES, at_once, one_after_the_other, ours, pictures
from benchmarks.ways import Place
from torch import nn

from benchmarks import loop, replicas
from fake_graphs import capture_of
from partial_backprop.training.backward import gradients
from partial_backprop.training.graphs import Replayed

BATCH = 8


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, N_CLASSES)
    )


def trained(n: int, way: str, *, n_epochs: int = 2):
    data = pictures((1, 8, 8), 40)
    these = replicas.trainings(network, data, BATCH, n, "float32")
    if way == replicas.ALONE:
        epoch = one_after_the_other(these)
    elif way == replicas.TOGETHER:
        epoch = at_once(these, [gradients] * n)
    else:
        computing = [Replayed(capture_of(one.trainee.model)) for one in these]
        epoch = at_once(these, computing)
    for _ in range(n_epochs):
        epoch()
    return these


@pytest.mark.parametrize("way", [replicas.TOGETHER, replicas.RECORDED])
def test_at_once_trains_what_one_after_the_other_trains(way):
    assert replicas.differing(trained(2, replicas.ALONE), trained(2, way)) == 0


def test_weights_that_differ_are_counted():
    these, those = trained(2, replicas.ALONE, n_epochs=1), trained(2, replicas.ALONE, n_epochs=1)
    weight = those[1].trainee.model[0].weight
    with torch.no_grad():
        weight[:2] += 1
    n_all = 2 * sum(one.numel() for one in these[0].trainee.model.parameters())
    found = replicas.differing(these, those)
    assert found == pytest.approx(100 * weight[:2].numel() / n_all)


def test_seeds_differ():
    one, other = trained(2, replicas.ALONE)
    assert replicas.differing([one], [other]) > 50


def test_our_loop_with_recorded_steps_is_our_loop():
    data = pictures((1, 8, 8), 40)
    models = []
    for way in (one_after_the_other, lambda those: at_once(those, [recorded(models[-1])])):
        torch.manual_seed(0)
        models.append(network())
        epoch = way([ours(models[-1], data, BATCH)])
        epoch()
        epoch()
    for mine, theirs in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(mine, theirs)


class Found(list):
    """What a benchmark is told."""

    quick, threads = True, 1

    def on(self, threads, device=None):
        assert (threads, device) == (1, None)

    add = list.extend


@pytest.fixture
def one_batch(monkeypatch):
    for module in (loop, replicas):
        monkeypatch.setitem(module.CASES, "lenet5", loop.CASES["lenet5"]._replace(n_batches=1))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def recorded(model):
    return Replayed(capture_of(model))


def test_on_a_processor_one_network_at_once(one_batch):
    benchmark = Found()
    replicas.run(benchmark)
    ratio, differing = benchmark
    assert (ratio.name, ratio.goal) == ("lenet5", None)
    assert ratio.parts.keys() == {replicas.ALONE, replicas.TOGETHER}
    assert "2 seeds" in ratio.title
    assert (differing.value.median, differing.unit) == (0, "%")
    assert differing.goal.is_met(differing.value.median)


@pytest.mark.parametrize(
    ("measure", "names", "aim"),
    [
        (loop.measure, ["lenet5", "lenet5_not_counting", "lenet5_fast"], "lenet5_fast"),
        (
            replicas.measure,
            ["lenet5", "lenet5_recorded", "lenet5_fast", "lenet5_differing"],
            "lenet5_fast",
        ),
    ],
)
def test_where_steps_can_be_recorded_the_goal_is_for_all_together(one_batch, measure, names, aim):
    place = Place(torch.device("cpu"), threads=1, quick=True, recorder=recorded)
    found = {one.name: one for one in measure("lenet5", place)}
    assert list(found) == names
    aimed = {name: one.goal for name, one in found.items() if one.goal}
    assert aimed.pop(aim).value == loop.GPU_GOAL
    differing = aimed.pop("lenet5_differing", None)
    assert not aimed
    if differing is not None:
        assert found["lenet5_differing"].value.median == 0


def test_on_a_processor_our_loop_is_measured_as_ever(one_batch):
    found = loop.measure("lenet5", Place(torch.device("cpu"), threads=1, quick=True))
    assert [one.name for one in found] == ["lenet5", "lenet5_not_counting"]
    assert [one.goal.value if one.goal else None for one in found] == [2.0, None]
    assert found[0].parts.keys() == {loop.PLAIN, loop.OURS}
