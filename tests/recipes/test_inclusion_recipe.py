"""Paths that are what the optimizer's state says, resumed runs, rivals, and tickets from a path."""

import math

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tests.runs import CPU, run

from partial_backprop import config, folders
from partial_backprop.experiments.dessilbi import inclusion_path, topk_accuracy
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi import run_inclusion as recipe
from partial_backprop.experiments.dessilbi import run_ticket as ticket
from partial_backprop.optim.adabound import AdaBound
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.record import read


def report(lab, experiment, arm):
    return inclusion.of(lab.record(experiment, arm))


def test_a_path_tells_every_layer_and_epoch(lab):
    found = report(lab, "paths", "elements")
    state = lab.weights("paths", "elements")
    assert [(one.name, one.groups) for one in found.layers] == [
        ("features.0.weight", "filters"),
        ("features.3.weight", "filters"),
        ("classifier.0.weight", "elements"),
        ("classifier.2.weight", "elements"),
        ("classifier.4.weight", "elements"),
    ]
    assert len(found.epochs) == 3
    for layer in found.layers:
        assert layer.n_weights == state[layer.name].numel()
        assert layer.n_groups == (
            len(state[layer.name]) if layer.groups == "filters" else layer.n_weights
        )
    densities = [found.density(epoch) for epoch in range(3)]
    assert densities == sorted(densities)
    assert 0 < densities[-1] < 1


def test_the_full_network_is_that_of_the_history(lab):
    found = report(lab, "paths", "elements")
    record = lab.record("paths", "elements")
    assert found.epochs[-1].full_test == record.selection("last").test
    rows = [line.split(",") for line in lab.history("paths", "elements")]
    assert [epoch.full_validation.n_correct for epoch in found.epochs] == [
        int(row[6]) for row in rows
    ]


def test_norms_belong_to_the_groups_inside(lab):
    found = report(lab, "paths", "elements")
    for number, (layer, path) in enumerate(zip(found.layers, found.paths, strict=True)):
        assert path.layer == layer.name
        assert list(path.drawn) == inclusion.drawn(layer.n_groups)
        for norms, epoch in zip(path.norms, found.epochs, strict=True):
            n_inside = sum(norm > 0 for norm in norms)
            if layer.n_groups == len(norms):
                assert n_inside == epoch.n_entered[number]
            per_group = layer.n_weights // layer.n_groups
            assert epoch.n_nonzero[number] == per_group * epoch.n_entered[number]


def test_the_first_filters_are_the_last_weights_in_their_order_of_entry(lab):
    found = report(lab, "paths", "elements").first_filters
    filters = lab.weights("paths", "elements")["features.0.weight"]
    assert found.shape == (1, 5, 5)
    np.testing.assert_allclose(np.array(found.weights), filters.flatten(1).numpy())
    n_steps = 3 * math.ceil(440 / 25)
    assert all(step is None or 1 <= step <= n_steps for step in found.entered_at_step)
    n_entered = sum(step is not None for step in found.entered_at_step)
    assert n_entered == report(lab, "paths", "elements").epochs[-1].n_entered[0] > 0


def test_a_network_that_begins_with_a_linear_layer_has_no_first_filters(lab):
    found = report(lab, "paths", "linear")
    assert found.first_filters is None
    assert [layer.name for layer in found.layers] == ["fc1.weight", "fc2.weight", "fc3.weight"]


def test_rows_enter_at_once(lab):
    found = report(lab, "paths", "rows")
    assert [layer.groups for layer in found.layers] == ["filters"] * 2 + ["rows"] * 3
    for epoch in found.epochs:
        for layer, n_nonzero, n_entered in zip(
            found.layers, epoch.n_nonzero, epoch.n_entered, strict=True
        ):
            assert n_nonzero * layer.n_groups == n_entered * layer.n_weights
    assert found.epochs[-1].n_entered[-1] > 0


def test_the_sparse_network_is_worth_what_its_mask_leaves(lab):
    """Evaluated here from the saved weights and the saved mask, without the optimizer."""
    out = lab.finished("paths", "masks")
    resolved = lab.resolved("paths", "masks")
    context = build_context(resolved, Job(out, out, CPU))
    state, path = lab.weights("paths", "masks"), torch.load(out / "path.pt", weights_only=True)
    assert set(path["masks"]) == {"2", "3"}
    for name, mask in path["masks"]["3"].items():
        state[name] = state[name] * mask
    context.train_state.model.load_state_dict(state)
    last = report(lab, "paths", "masks").epochs[-1]
    for split in ("validation", "test"):
        count = inclusion_path.evaluate(
            context.train_state.model, getattr(context.splits, split)
        ).count
        assert count == getattr(last, f"sparse_{split}")
    kept = [inclusion_path.n_kept(mask, state[name]) for name, mask in path["masks"]["3"].items()]
    assert kept == list(last.n_nonzero)


def test_masks_change_nothing_of_the_path(lab):
    plain, with_masks = (report(lab, "paths", arm) for arm in ("elements", "masks"))
    assert plain == with_masks
    assert not (lab.finished("paths", "elements") / "path.pt").exists()


def test_the_options_of_the_public_code_reach_the_optimizer(lab, tmp_path, monkeypatch):
    """METHODS E: scaled norms, λ of its own for linear layers, Nesterov, decay of BN's weights."""
    built = []

    def remember(resolved, job, context, hooks, path):
        built.append(context.train_state)
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "train", remember)
    with pytest.raises(KeyboardInterrupt):
        run(lab.resolved("paths", "public"), out=tmp_path)
    names = {one: name for name, one in built[0].model.named_parameters()}
    seen = []
    for group in built[0].optimizer.param_groups:
        assert group["scaled_norm"]
        assert group["nesterov"]
        for parameter in group["params"]:
            name = names[parameter]
            seen.append(name)
            assert group["lam"] == (1.0 if name == "fc.weight" else 0.02)
            assert group["decay_all"] == ("bn" in name and name.endswith("weight"))
    assert sorted(seen) == sorted(names.values())


def test_the_initial_weights_are_those_before_the_first_step(lab):
    path = torch.load(lab.finished("paths", "masks") / "path.pt", weights_only=True)
    out = lab.finished("paths", "masks")
    new = build_context(lab.resolved("paths", "masks"), Job(out, out, CPU))
    expected = new.train_state.model.state_dict()
    assert all(torch.equal(path["initial"][name], expected[name]) for name in expected)


def test_rivals_are_the_optimizers_that_they_are_called(lab, tmp_path, monkeypatch):
    """Each builds the right one, with the rate, momentum and decay of the configuration."""
    built = {}

    def remember(resolved, job, context, hooks, path):
        built[resolved.arm] = context.train_state.optimizer
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "train", remember)
    kinds = {
        "sgd": torch.optim.SGD,
        "nesterov": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adabound": AdaBound,
        "adagrad": torch.optim.Adagrad,
        "radam": torch.optim.RAdam,
    }
    for arm, kind in kinds.items():
        with pytest.raises(KeyboardInterrupt):
            run(lab.resolved("rivals", arm), out=tmp_path)
        (group,) = built[arm].param_groups
        assert type(built[arm]) is kind
        assert group["lr"] == (0.05 if kind is torch.optim.SGD else 0.01)
    assert built["nesterov"].param_groups[0]["nesterov"]
    assert built["nesterov"].param_groups[0]["momentum"] == 0.9
    assert not built["sgd"].param_groups[0]["nesterov"]


@pytest.mark.parametrize("arm", ["sgd", "nesterov", "adabound", "adagrad", "radam"])
def test_rivals_learn(lab, arm):
    record = lab.record("rivals", arm)
    best = record.selection("best_on_test").test
    assert best.n_correct / best.n_examples > 0.5
    assert record.measurements == {}
    assert len(lab.history("rivals", arm)) == 3


def test_l1_shortens_the_weights_and_nothing_else(lab):
    """The penalty is on weights of layers; its pull shows in their sum of magnitudes."""
    plain, shorter = (lab.weights("rivals", arm) for arm in ("sgd", "l1"))
    names = [name for name in plain if name.endswith("weight")]
    sums = [sum(float(one[name].abs().sum()) for name in names) for one in (plain, shorter)]
    assert sums[1] < 0.7 * sums[0]


@pytest.mark.parametrize("arm", ["ticket", "random"])
def test_masked_weights_stay_zero_and_the_others_begin_where_the_path_began(lab, arm):
    found = inclusion.ticket_of(lab.record("tickets", arm))
    state = lab.weights("tickets", arm)
    path = torch.load(lab.finished("paths", "masks") / "path.pt", weights_only=True)
    assert (found.path, found.n_epochs_of_path) == ("paths/masks", 2)
    assert 0 < found.density() < 1
    for layer in found.layers:
        assert int((state[layer.name] != 0).sum()) == layer.n_kept
        mask = path["masks"]["2"][layer.name]
        assert layer.n_kept == inclusion_path.n_kept(mask, state[layer.name])
        if arm == "ticket":
            assert not state[layer.name][~mask.expand_as(state[layer.name])].any()
    assert all(state[name].all() for name in state if name.endswith("bias"))


def test_a_weight_may_stay_whole(lab):
    found = inclusion.ticket_of(lab.record("tickets", "whole_output"))
    masked = inclusion.ticket_of(lab.record("tickets", "ticket"))
    assert found.layers[:-1] == masked.layers[:-1]
    assert found.layers[-1].n_kept == found.layers[-1].n_weights > masked.layers[-1].n_kept


def test_a_random_mask_is_another_one(lab):
    states = [lab.weights("tickets", arm) for arm in ("ticket", "random")]
    inside, random = (state["classifier.4.weight"] != 0 for state in states)
    assert 0 < inside.sum() == random.sum() < inside.numel()
    assert not torch.equal(inside, random)


def test_a_random_mask_keeps_as_many_whole_groups():
    mask = (torch.arange(40) < 13).view(40, 1, 1, 1)
    found = [ticket._shuffled(mask, seed) for seed in (0, 0, 1)]
    assert all(one.shape == mask.shape and one.sum() == 13 for one in found)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert not torch.equal(found[0], mask)


def test_the_dense_network_is_the_one_that_sgd_trains(lab):
    """It begins with the initial weights of the path, which are those of the seed."""
    found = inclusion.ticket_of(lab.record("tickets", "dense"))
    assert found.mask == "none"
    assert found.density() == 1
    assert lab.history("tickets", "dense") == lab.history("rivals", "sgd")


class FewGuesses(torch.nn.Module):
    """Guesses the classes 0 to 4 for every image."""

    def forward(self, images):
        return -torch.arange(100.0).expand(len(images), 100)


class Stub:
    """A setting of 30 test images of 100 classes, labelled 0 to 9 in turn."""

    class train_state:
        model = FewGuesses()

    class data:
        n_classes = 100

    class splits:
        class test:
            labels = torch.arange(30) % 10

            @classmethod
            def batch(cls, which):
                return torch.zeros(len(cls.labels[which]), 1), cls.labels[which]

            def __len__(self):
                return 30

        test = test()


def test_five_guesses_are_counted_where_there_are_many_classes():
    found = topk_accuracy.topk_accuracy(Stub, batch_size=7)
    assert found == {inclusion.TOP_FIVE: {"n_correct": 15, "n_examples": 30}}
    Stub.data.n_classes = 99
    assert topk_accuracy.topk_accuracy(Stub) == {}


def test_imagenet_is_a_folder_of_pictures(tmp_path):
    """The experiment's own file, on small pictures in ImageNet's layout."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 4), ("val", 2)):
        for name in ("n01440764", "n01443537"):
            place = tmp_path / "imagenet" / part / name
            place.mkdir(parents=True)
            for number in range(n):
                pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    scale = {
        "title": "a test",
        "seeds": [0],
        "roles": {
            "imagenet": {"dataset": {"name": "image_folder", "image_size": 32}, "n_validation": 2}
        },
        "experiments": {
            "dessilbi_imagenet": {"training": {"epochs": 1, "batch_size": 4, "milestones": []}}
        },
    }
    folder = tmp_path / "config"
    (folder / "scales").mkdir(parents=True)
    (folder / "experiments").mkdir()
    (folder / "scales/s.yaml").write_text(yaml.safe_dump(scale))
    own = folders.every_experiment()["dessilbi_imagenet"]
    (folder / "experiments" / own.name).write_bytes(own.read_bytes())
    for arm in ("sgd_mom_wd", "dessilbi_mom_wd"):
        out = tmp_path / arm
        run(config.resolve("s", "dessilbi_imagenet", arm, 0, folder), out=out, data_root=tmp_path)
        record = read(out / "record.json")
        assert (record.data.role, record.data.name) == ("imagenet", "imagenet")
        assert (record.data.n_train, record.data.n_test) == (6, 4)
        assert (record.network.name, record.network.full_size) == ("resnet18", True)
    assert len(inclusion.of(read(tmp_path / "dessilbi_mom_wd" / "record.json")).layers) == 21
