"""The callback for Transformers: the weights of a plain loop, bit for bit."""

import functools
import importlib

import pytest
import torch
from tests.integrations import plain
from torch import nn

from partial_backprop import PartialBackprop, UserError


@pytest.fixture(scope="module")
def runs(trainers):
    return importlib.import_module("tests.integrations.transformers_training")


def assert_same(one, model, pb) -> None:
    (expected, expected_pb), found = one, model.network.state_dict()
    for name, value in expected.state_dict().items():
        assert torch.equal(value, found[name]), name
    for name, active in expected_pb.mask.items():
        assert torch.equal(active, pb.mask[f"network.{name}"])
    assert 0.1 < pb.mask.n_frozen() / pb.mask.n_weights() < 0.9
    assert expected_pb.report().masked_at_epochs == pb.report().masked_at_epochs
    assert expected_pb.report().total("drift_sum_abs") == pb.report().total("drift_sum_abs")


CLIP = functools.partial(nn.utils.clip_grad_norm_, max_norm=0.05)


@pytest.mark.parametrize(
    ("how", "options"),
    [
        ({}, {}),
        ({"clip": CLIP}, {"max_grad_norm": 0.05}),
        ({"accumulate": 2, "last_by_number": True}, {"gradient_accumulation_steps": 2}),
        (
            {"accumulate": 2, "last_by_number": True, "clip": CLIP},
            {"gradient_accumulation_steps": 2, "max_grad_norm": 0.05},
        ),
    ],
    ids=["plain", "norm", "accumulation", "both"],
)
@pytest.mark.parametrize("compact", [False, True])
def test_it_trains_as_a_plain_loop(runs, tmp_path, how, options, compact):
    pb = {**plain.OPTIONS, "compact": compact}
    model = runs.Module()
    found, trainer = runs.fit(model, tmp_path, runs.pictures(), pb=pb, **options)
    assert_same(plain.trained(options=pb, **how), model, found)
    assert trainer.args.max_grad_norm == options.get("max_grad_norm", 0.0)
    assert found.is_compact == compact


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("n_steps", [10, 12], ids=["at the end of an epoch", "within one"])
def test_a_run_resumes_from_the_trainers_own_checkpoint(runs, tmp_path, compact, n_steps):
    pb = {**plain.OPTIONS, "compact": compact}
    expected = plain.trained(options=pb)
    saves = {"save_strategy": "steps", "save_steps": n_steps, "max_grad_norm": 0.0}
    whole = runs.Module()
    assert_same(expected, whole, runs.fit(whole, tmp_path, runs.pictures(), pb=pb, **saves)[0])
    model, path = runs.Module(seed=1), tmp_path / f"checkpoint-{n_steps}"
    resumed, trainer = runs.fit(model, tmp_path / "2", runs.pictures(), pb=pb, resume=str(path))
    assert_same(expected, model, resumed)
    saved = torch.load(path / "optimizer.pt", weights_only=True)["param_groups"][0]
    assert saved.keys() - trainer.optimizer.param_groups[0].keys() == {"partial_backprop"}


def test_a_second_training_makes_a_mask_of_its_own(runs, tmp_path):
    model = runs.Module()
    first, trainer = runs.fit(model, tmp_path, runs.pictures())
    runs.fit_quietly(trainer)
    (callback,) = (one for one in trainer.callback_handler.callbacks if hasattr(one, "pb"))
    assert callback.pb is not first
    assert callback.pb.report().masked_at_epochs == (1, 3)


def test_a_language_model_trains_as_in_a_plain_loop(runs, tmp_path):
    options = {"criterion": {"name": "quantile", "q": 0.8}, "start_epoch": 1, "compact": True}
    model, other = runs.language_model(), runs.language_model()
    pb, _ = runs.fit(
        model, tmp_path, runs.sentences(), epochs=3, pb=options, batch_size=8, max_grad_norm=1.0
    )
    optimizer = plain.adam(other)
    other_pb = PartialBackprop(other, optimizer, **options)
    other.train()
    for epoch in range(3):
        other_pb.begin_epoch(epoch)
        for tokens in torch.stack([one["labels"] for one in runs.sentences()]).split(8):
            optimizer.zero_grad()
            other(
                input_ids=tokens, labels=tokens, num_items_in_batch=tokens.numel()
            ).loss.backward()
            other_pb.after_backward()
            nn.utils.clip_grad_norm_(other.parameters(), 1.0)
            optimizer.step()
    found = model.state_dict()
    for name, value in other.state_dict().items():
        assert torch.equal(value, found[name]), name
    assert pb.report() == other_pb.report()


def test_bfloat16(runs, tmp_path):
    model = runs.Module()
    pb, _ = runs.fit(model, tmp_path, runs.pictures(), bf16=True)
    autocast = functools.partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    assert_same(plain.trained(autocast=autocast), model, pb)


def test_lbfgs_is_refused_by_name(runs, tmp_path):
    with pytest.raises(UserError, match="LBFGS"):
        runs.fit(
            runs.Module(),
            tmp_path,
            runs.pictures(),
            build=lambda model: torch.optim.LBFGS(model.parameters()),
        )


def test_a_training_that_failed_within_a_step_keeps_its_clipping(runs, tmp_path):
    def fail(*_):
        raise RuntimeError("out of memory")

    model = runs.Module()
    hook = model.network[3].register_full_backward_hook(fail)
    callback = runs.PartialBackpropCallback(**plain.OPTIONS)
    arguments = runs.arguments(tmp_path, max_grad_norm=0.05)
    trainer = runs.Trainer(
        model=model, args=arguments, train_dataset=runs.pictures(), callbacks=[callback]
    )
    with pytest.raises(RuntimeError, match="out of memory"):
        runs.fit_quietly(trainer)
    hook.remove()
    runs.fit_quietly(trainer)
    assert arguments.max_grad_norm == 0.05
