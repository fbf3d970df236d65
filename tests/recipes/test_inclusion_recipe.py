"""Paths that are what the optimizer's state says, resumed runs, rivals, and tickets from a path."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tests.runs import each_once, run, write_config

from partial_backprop import config
from partial_backprop.errors import UserError
from partial_backprop.measurements import inclusion
from partial_backprop.optim.adabound import AdaBound
from partial_backprop.recipes import inclusion as recipe
from partial_backprop.recipes import inclusion_path, ticket, topk_accuracy
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.run import RunCheckpoint
from partial_backprop.record import read

CONFIG = Path(__file__).parents[2] / "config"
CPU = torch.device("cpu")
SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
COMMON = {
    "title": "R",
    "data": {"role": "mnist"},
    "network": {"name": "lenet5", "width": 0.5},
    "training": {
        "epochs": 3,
        "shared_epochs": 0,
        "batch_size": 25,
        "milestones": [2],
        "optimizer": SGD,
    },
}
PATH = {"name": "inclusion", "nu": 10.0, "lam": 0.02}
ADAM = {"training": {"optimizer": {"name": "adam", "learning_rate": 0.01}}}
EXPERIMENTS = {
    "paths": COMMON
    | {
        "recipe": PATH,
        "arms": {
            "elements": {},
            "rows": {"recipe": {"linear_groups": "rows"}},
            "masks": {"recipe": PATH | {"name": "inclusion_masks", "after": [2, 3]}},
            "adam": ADAM,
            "no_nu": {"recipe": {"nu": 0.0}},
            "public": {
                "network": {"name": "resnet56", "depth": 8, "width": 0.25},
                "recipe": PATH
                | {
                    "name": "inclusion_masks",
                    "after": [1],
                    "scaled_norm": True,
                    "linear_lam": 1.0,
                    "nesterov": True,
                    "decay_norms": True,
                },
                "training": {"optimizer": {"weight_decay": 0.001}},
            },
            "too_late": {"recipe": PATH | {"name": "inclusion_masks", "after": [2, 4]}},
            "too_fast": {"training": {"optimizer": {"learning_rate": 1e30}}},
            "linear": {"network": {"name": "lenet3", "width": 0.1}},
        },
    },
    "rivals": COMMON
    | {
        "recipe": {"name": "inclusion"},
        "arms": {
            "sgd": {"recipe": {"optimizer": "sgd"}},
            "l1": {"recipe": {"optimizer": "sgd", "l1": 0.01}},
            "nesterov": {"recipe": {"optimizer": "nesterov"}},
            "adabound": ADAM | {"recipe": {"optimizer": "adabound"}},
            "adagrad": ADAM | {"recipe": {"optimizer": "adagrad"}},
            "radam": ADAM | {"recipe": {"optimizer": "radam"}},
            "unknown": {"recipe": {"optimizer": "adamax"}},
            "of_adam": ADAM | {"recipe": {"optimizer": "nesterov"}},
            "standing": {
                "recipe": {"optimizer": "nesterov"},
                "training": {"optimizer": {"momentum": 0.0}},
            },
            "negative": {"recipe": {"l1": -0.1}},
            "adam": ADAM | {"recipe": {"optimizer": "adam"}},
        },
    },
    "tickets": COMMON
    | {
        "recipe": {"name": "ticket", "start": "paths/masks", "after": 2},
        "arms": {
            "dense": {"recipe": {"mask": "none", "after": None}},
            "ticket": {},
            "random": {"recipe": {"mask": "random"}},
            "not_kept": {"recipe": {"after": 1}},
            "unknown": {"recipe": {"mask": "all"}},
            "no_epoch": {"recipe": {"after": None}},
            "other_network": {"network": {"width": 1.0}},
            "whole_output": {"recipe": {"whole": ["classifier.4.weight"]}},
            "whole_nothing": {"recipe": {"whole": ["fc.weight"]}},
        },
    },
}
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "mnist": {"dataset": {"name": "digits", "n_train": 500, "n_test": 100}, "n_validation": 60}
    },
    "experiments": {name: {} for name in EXPERIMENTS},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Configuration folder with the experiments at the scale ``s``."""
    return write_config(tmp_path_factory.mktemp("config"), SCALE, EXPERIMENTS)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """Function from experiment and arm to the folder of its finished run, each made once."""
    return each_once(folder, tmp_path_factory.mktemp, start_from="path.pt")


def report(folder):
    return inclusion.of(read(folder / "record.json"))


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


def history(folder):
    return (folder / "history.csv").read_text().splitlines()[1:]


def test_a_path_tells_every_layer_and_epoch(finished):
    found = report(finished("paths", "elements"))
    state = weights(finished("paths", "elements"))
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


def test_the_full_network_is_that_of_the_history(finished):
    found = report(finished("paths", "elements"))
    record = read(finished("paths", "elements") / "record.json")
    assert found.epochs[-1].full_test == record.selection("last").test
    rows = [line.split(",") for line in history(finished("paths", "elements"))]
    assert [epoch.full_validation.n_correct for epoch in found.epochs] == [
        int(row[6]) for row in rows
    ]


def test_norms_belong_to_the_groups_inside(finished):
    found = report(finished("paths", "elements"))
    for number, (layer, path) in enumerate(zip(found.layers, found.paths, strict=True)):
        assert path.layer == layer.name
        assert list(path.drawn) == inclusion.drawn(layer.n_groups)
        for norms, epoch in zip(path.norms, found.epochs, strict=True):
            n_inside = sum(norm > 0 for norm in norms)
            if layer.n_groups == len(norms):
                assert n_inside == epoch.n_entered[number]
            per_group = layer.n_weights // layer.n_groups
            assert epoch.n_nonzero[number] == per_group * epoch.n_entered[number]


def test_the_first_filters_are_the_last_weights_in_their_order_of_entry(finished):
    found = report(finished("paths", "elements")).first_filters
    filters = weights(finished("paths", "elements"))["features.0.weight"]
    assert found.shape == (1, 5, 5)
    np.testing.assert_allclose(np.array(found.weights), filters.flatten(1).numpy())
    n_steps = 3 * math.ceil(440 / 25)
    assert all(step is None or 1 <= step <= n_steps for step in found.entered_at_step)
    n_entered = sum(step is not None for step in found.entered_at_step)
    assert n_entered == report(finished("paths", "elements")).epochs[-1].n_entered[0] > 0


def test_a_network_that_begins_with_a_linear_layer_has_no_first_filters(finished):
    found = report(finished("paths", "linear"))
    assert found.first_filters is None
    assert [layer.name for layer in found.layers] == ["fc1.weight", "fc2.weight", "fc3.weight"]


def test_rows_enter_at_once(finished):
    found = report(finished("paths", "rows"))
    assert [layer.groups for layer in found.layers] == ["filters"] * 2 + ["rows"] * 3
    for epoch in found.epochs:
        for layer, n_nonzero, n_entered in zip(
            found.layers, epoch.n_nonzero, epoch.n_entered, strict=True
        ):
            assert n_nonzero * layer.n_groups == n_entered * layer.n_weights
    assert found.epochs[-1].n_entered[-1] > 0


def test_the_sparse_network_is_worth_what_its_mask_leaves(finished, folder):
    """Evaluated here from the saved weights and the saved mask, without the optimizer."""
    out = finished("paths", "masks")
    resolved = config.resolve("s", "paths", "masks", 0, folder)
    context = build_context(resolved, Job(out, out, CPU))
    state, path = weights(out), torch.load(out / "path.pt", weights_only=True)
    assert set(path["masks"]) == {"2", "3"}
    for name, mask in path["masks"]["3"].items():
        state[name] = state[name] * mask
    context.train_state.model.load_state_dict(state)
    last = report(out).epochs[-1]
    for split in ("validation", "test"):
        count = inclusion_path.evaluate(
            context.train_state.model, getattr(context.splits, split)
        ).count
        assert count == getattr(last, f"sparse_{split}")
    kept = [inclusion_path.n_kept(mask, state[name]) for name, mask in path["masks"]["3"].items()]
    assert kept == list(last.n_nonzero)


def test_masks_change_nothing_of_the_path(finished):
    plain, with_masks = (report(finished("paths", arm)) for arm in ("elements", "masks"))
    assert plain == with_masks
    assert not (finished("paths", "elements") / "path.pt").exists()


def test_the_options_of_the_public_code_reach_the_optimizer(folder, tmp_path, monkeypatch):
    """METHODS E: scaled norms, λ of its own for linear layers, Nesterov, decay of BN's weights."""
    built = []

    def remember(resolved, job, context, hooks, path):
        built.append(context.train_state)
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe, "train", remember)
    with pytest.raises(KeyboardInterrupt):
        run(config.resolve("s", "paths", "public", 0, folder), out=tmp_path)
    names = {one: name for name, one in built[0].model.named_parameters()}
    seen = []
    for group in built[0].optimizer.param_groups:
        assert group["scaled_norm"]
        assert group["nesterov"]
        for parameter in group["params"]:
            name = names[parameter]
            seen.append(name)
            assert group["lam"] == (1.0 if name == "fc.weight" else PATH["lam"])
            assert group["decay_all"] == ("bn" in name and name.endswith("weight"))
    assert sorted(seen) == sorted(names.values())


def test_the_initial_weights_are_those_before_the_first_step(finished, folder):
    path = torch.load(finished("paths", "masks") / "path.pt", weights_only=True)
    out = finished("paths", "masks")
    new = build_context(config.resolve("s", "paths", "masks", 0, folder), Job(out, out, CPU))
    expected = new.train_state.model.state_dict()
    assert all(torch.equal(path["initial"][name], expected[name]) for name in expected)


@pytest.mark.parametrize("arm", ["elements", "masks"])
def test_a_resumed_run_ends_with_the_same_record(finished, folder, tmp_path, monkeypatch, arm):
    """Stopped after the second of three epochs, when the first mask is not yet read."""
    job = {"out": tmp_path, "checkpoints": tmp_path / "unfinished", "checkpoint_every_s": 0.0}
    resolved = config.resolve("s", "paths", arm, 0, folder)
    save, calls = RunCheckpoint.save, []

    def stop(self):
        save(self)
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunCheckpoint, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        run(resolved, **job)
    monkeypatch.undo()
    assert not (tmp_path / "record.json").exists()
    run(resolved, **job, log=tmp_path / "log")
    assert "resumes after epoch 2" in (tmp_path / "log").read_text()
    straight = finished("paths", arm)
    found, expected = (read(path / "record.json") for path in (tmp_path, straight))
    assert found.reproducible() == expected.reproducible()
    assert history(tmp_path) == history(straight)
    if arm == "masks":
        paths = [
            torch.load(p / "path.pt", weights_only=True)["masks"] for p in (tmp_path, straight)
        ]
        for after in ("2", "3"):
            one, other = (path[after] for path in paths)
            assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("adam", "recipe of paths/adam: dessilbi needs .* to be sgd, not adam"),
        ("no_nu", "recipe of paths/no_nu: nu must be greater than 0, got 0.0"),
        ("too_late", r"after must name epochs from 1 to 3, got \[2, 4\]"),
        ("too_fast", "lower the learning rate"),
    ],
)
def test_paths_that_make_no_sense(folder, tmp_path, arm, message):
    with pytest.raises(UserError, match=message):
        run(config.resolve("s", "paths", arm, 0, folder), out=tmp_path)
    assert not (tmp_path / "record.json").exists()


def test_rivals_are_the_optimizers_that_they_are_called(folder, tmp_path, monkeypatch):
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
            run(config.resolve("s", "rivals", arm, 0, folder), out=tmp_path)
        (group,) = built[arm].param_groups
        assert type(built[arm]) is kind
        assert group["lr"] == (0.05 if kind is torch.optim.SGD else 0.01)
    assert built["nesterov"].param_groups[0]["nesterov"]
    assert built["nesterov"].param_groups[0]["momentum"] == 0.9
    assert not built["sgd"].param_groups[0]["nesterov"]


@pytest.mark.parametrize("arm", ["sgd", "nesterov", "adabound", "adagrad", "radam"])
def test_rivals_learn(finished, arm):
    record = read(finished("rivals", arm) / "record.json")
    best = record.selection("paper_protocol").test
    assert best.n_correct / best.n_examples > 0.5
    assert record.measurements == {}
    assert len(history(finished("rivals", arm))) == 3


def test_l1_shortens_the_weights_and_nothing_else(finished):
    """The penalty is on weights of layers; its pull shows in their sum of magnitudes."""
    plain, shorter = (weights(finished("rivals", arm)) for arm in ("sgd", "l1"))
    names = [name for name in plain if name.endswith("weight")]
    sums = [sum(float(one[name].abs().sum()) for name in names) for one in (plain, shorter)]
    assert sums[1] < 0.7 * sums[0]


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("unknown", "rivals/unknown: optimizer must be one of dessilbi, .* got 'adamax'"),
        ("of_adam", "nesterov needs training.optimizer.name to be sgd, not adam"),
        ("standing", "Nesterov momentum requires a momentum"),
        ("negative", "l1 must be 0 or more, got -0.1"),
    ],
)
def test_rivals_that_make_no_sense(folder, tmp_path, arm, message):
    with pytest.raises(UserError, match=message):
        run(config.resolve("s", "rivals", arm, 0, folder), out=tmp_path)


@pytest.mark.parametrize("arm", ["ticket", "random"])
def test_masked_weights_stay_zero_and_the_others_begin_where_the_path_began(finished, arm):
    out = finished("tickets", arm)
    found, state = inclusion.ticket_of(read(out / "record.json")), weights(out)
    path = torch.load(finished("paths", "masks") / "path.pt", weights_only=True)
    assert (found.path, found.n_epochs_of_path) == ("paths/masks", 2)
    assert 0 < found.density() < 1
    for layer in found.layers:
        assert int((state[layer.name] != 0).sum()) == layer.n_kept
        mask = path["masks"]["2"][layer.name]
        assert layer.n_kept == inclusion_path.n_kept(mask, state[layer.name])
        if arm == "ticket":
            assert not state[layer.name][~mask.expand_as(state[layer.name])].any()
    assert all(state[name].all() for name in state if name.endswith("bias"))


def test_a_weight_may_stay_whole(finished):
    found = inclusion.ticket_of(read(finished("tickets", "whole_output") / "record.json"))
    masked = inclusion.ticket_of(read(finished("tickets", "ticket") / "record.json"))
    assert found.layers[:-1] == masked.layers[:-1]
    assert found.layers[-1].n_kept == found.layers[-1].n_weights > masked.layers[-1].n_kept


def test_a_random_mask_is_another_one(finished):
    states = [weights(finished("tickets", arm)) for arm in ("ticket", "random")]
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


def test_the_dense_network_is_the_one_that_sgd_trains(finished):
    """It begins with the initial weights of the path, which are those of the seed."""
    found = inclusion.ticket_of(read(finished("tickets", "dense") / "record.json"))
    assert found.mask == "none"
    assert found.density() == 1
    assert history(finished("tickets", "dense")) == history(finished("rivals", "sgd"))


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("not_kept", "no mask after 1 epochs, but after: 2, 3; add 1 to after of paths/masks"),
        ("unknown", "mask must be one of none, support, random, got 'all'"),
        ("no_epoch", "after tells the epochs of support and random"),
        ("other_network", "is no path of this network"),
        ("whole_nothing", r"whole names 'fc\.weight', but the path has features\.0\.weight,"),
    ],
)
def test_tickets_that_make_no_sense(finished, folder, tmp_path, arm, message):
    start = finished("paths", "masks") / "path.pt"
    with pytest.raises(UserError, match=message):
        run(config.resolve("s", "tickets", arm, 0, folder), out=tmp_path, start=start)
    assert not (tmp_path / "record.json").exists()


def test_a_ticket_needs_a_path(folder, tmp_path):
    resolved = config.resolve("s", "tickets", "ticket", 0, folder)
    with pytest.raises(UserError, match=r"give its path\.pt with --start FILE"):
        run(resolved, out=tmp_path)
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(UserError, match="cannot load"):
        run(resolved, out=tmp_path, start=tmp_path / "weights.pt")


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
    name = "experiments/dessilbi_imagenet.yaml"
    (folder / name).write_text((CONFIG / name).read_text())
    for arm in ("sgd_mom_wd", "dessilbi_mom_wd"):
        out = tmp_path / arm
        run(config.resolve("s", "dessilbi_imagenet", arm, 0, folder), out=out, data_root=tmp_path)
        record = read(out / "record.json")
        assert (record.data.role, record.data.name) == ("imagenet", "imagenet")
        assert (record.data.n_train, record.data.n_test) == (6, 4)
        assert (record.network.name, record.network.full_size) == ("resnet18", True)
    assert len(report(tmp_path / "dessilbi_mom_wd").layers) == 21
