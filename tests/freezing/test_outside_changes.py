"""What others do to model and optimizer while a mask is in force: followed, told, or refused."""

import copy
import functools
import warnings

import pytest
import torch
import torch.nn.functional as F
from tests.freezing.plain_training import assert_same_bits, batches, network, train, values
from torch import nn

from partial_backprop import PartialBackprop, UserError
from partial_backprop.freezing import filters, quantile
from partial_backprop.freezing.skip import _SkippingLinear, _SkippingTorchConv2d

MOST = functools.partial(quantile.mask, q=0.7)
ADAM = functools.partial(torch.optim.Adam, lr=0.01, amsgrad=True, fused=True)
SGD = functools.partial(torch.optim.SGD, lr=0.02, momentum=0.9)

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def run(trained=range(2), build=ADAM, seed: int = 0, **options):
    model = network(seed)
    optimizer = build(model.parameters())
    options = {"criterion": MOST, "start_epoch": 1, "compact": True} | options
    pb = PartialBackprop(model, optimizer, **options)
    train(model, optimizer, pb, trained)
    return model, optimizer, pb


def frozen(model, pb) -> dict[str, torch.Tensor]:
    now = dict(model.named_parameters())
    return {name: now[name].detach()[~active].clone() for name, active in pb.mask.items()}


def moved(model, pb, before) -> int:
    return sum(int((before[name] != value).sum()) for name, value in frozen(model, pb).items())


# The optimizer's state and the mask.


@pytest.mark.parametrize("build", [ADAM, SGD, functools.partial(torch.optim.RMSprop, lr=0.01)])
@pytest.mark.parametrize("trained", [range(2), range(1), range(0)])
def test_a_state_of_another_mask_is_refused_before_anything_is_touched(build, trained):
    """Of another share of frozen weights, and under a mask that is not made yet."""
    _, optimizer, _ = run(build=build)
    model, other, pb = run(trained, build, criterion=functools.partial(quantile.mask, q=0.4))
    saved = copy.deepcopy(optimizer.state_dict())
    other.load_state_dict(saved)
    before = values(model)
    with pytest.raises(UserError, match=r"pb's.*state"):
        train(model, other, pb, [1])
    assert_same_bits(before, values(model))


def test_a_state_of_as_many_but_other_entries_is_refused():
    def some(first):
        return lambda gs: {
            name: torch.arange(g.numel()).view(g.shape) % 3 == first for name, g in gs.items()
        }

    _, optimizer, _ = run(criterion=some(0))
    model, other, pb = run(criterion=some(1))
    other.load_state_dict(optimizer.state_dict())
    with pytest.raises(UserError, match="belongs to another mask"):
        train(model, other, pb, [1])


def test_a_dense_training_refuses_a_compact_state():
    _, optimizer, _ = run()
    model, other, pb = run(compact=False)
    other.load_state_dict(optimizer.state_dict())
    with pytest.raises(UserError, match="belongs to another mask"):
        train(model, other, pb, [1])


@pytest.mark.parametrize("fused", [True, False])
def test_an_optimizer_without_a_mask_cannot_step_with_a_compact_state(fused):
    _, optimizer, _ = run()
    model = network()
    plain = torch.optim.Adam(model.parameters(), amsgrad=True, fused=fused)
    plain.load_state_dict(optimizer.state_dict())
    images, labels = next(batches(0))
    F.cross_entropy(model(images), labels).backward()
    with pytest.raises(KeyError, match="exp_avg"):
        plain.step()


def test_saving_leaves_the_state_as_it_was():
    model, optimizer, pb = run()
    state = optimizer.state[model[4].weight]
    saved = copy.deepcopy(optimizer.state_dict())
    assert state["exp_avg"].numel() == int(pb.mask["4.weight"].sum())
    other_model, other, other_pb = run(range(0), seed=1)
    other.load_state_dict(saved)
    other_pb.load_state_dict(pb.state_dict())
    other_model.load_state_dict(model.state_dict())
    train(model, optimizer, pb, [2])
    train(other_model, other, other_pb, [2])
    assert_same_bits(values(model), values(other_model))


def test_rolling_back_all_three_goes_on_from_there():
    model, optimizer, pb = run(range(3))
    states = copy.deepcopy([part.state_dict() for part in (model, optimizer, pb)])
    train(model, optimizer, pb, [3])
    expected = values(model)
    for part, state in zip((model, optimizer, pb), states, strict=True):
        part.load_state_dict(copy.deepcopy(state))
    train(model, optimizer, pb, [3])
    assert_same_bits(expected, values(model))


# Type, order in memory, shape, and parameters that come and go.


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_cast_model_keeps_its_frozen_values_as_they_were_cast(dtype, compact):
    model, optimizer, pb = run(build=SGD, compact=compact)
    masks = {name: active.clone() for name, active in pb.mask.items()}
    model.to(dtype)
    before = frozen(model, pb)
    images, labels = next(batches(3))
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(images.to(dtype)).float(), labels).backward()
        optimizer.step()
    assert moved(model, pb, before) == 0
    assert all(torch.equal(masks[name], active) for name, active in pb.mask.items())
    assert pb.report().total("drift_sum_abs") == 0
    assert pb.report().total("n_unmoved") < sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("build", [ADAM, SGD])
@pytest.mark.parametrize("compact", [False, True])
def test_another_order_in_memory_changes_nothing(build, compact):
    found = []
    for reorders in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(8, 12, 5), nn.ReLU(), nn.Flatten(), nn.Linear(48, 3))
        optimizer = build(model.parameters())
        pb = PartialBackprop(model, optimizer, MOST, 0, compact=compact)
        pb.begin_epoch(0)
        for step in range(4):
            if reorders and step == 2:
                masks = {name: active.clone() for name, active in pb.mask.items()}
                model[0].weight.data = model[0].weight.data.to(memory_format=torch.channels_last)
                if not compact:  # torch's fused step would mix up orders
                    for state in optimizer.state.values():
                        for key, value in state.items():
                            if value is not None and value.dim() == 4:
                                state[key] = value.to(memory_format=torch.channels_last)
            draw = torch.Generator().manual_seed(step)
            images = torch.randn(6, 8, 6, 6, generator=draw)
            optimizer.zero_grad()
            F.cross_entropy(model(images), torch.arange(6) % 3).backward()
            optimizer.step()
        if reorders:
            assert all(torch.equal(masks[name], active) for name, active in pb.mask.items())
        assert pb.report().total("drift_sum_abs") == 0
        found.append((values(model), {n: p[~pb.mask[n]] for n, p in model.named_parameters()}))
    for name in found[0][0]:
        assert torch.equal(found[0][1][name], found[1][1][name])
        torch.testing.assert_close(found[0][0][name], found[1][0][name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("compact", [False, True])
def test_another_shape_is_refused(compact):
    model, optimizer, _ = run(compact=compact)
    images, labels = next(batches(0))
    model[6].weight.data = torch.zeros(5, 8)
    model[6].bias.data = torch.zeros(5)
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    with pytest.raises(UserError, match=r"close\(\)"):
        optimizer.step()


@pytest.mark.parametrize("compact", [False, True])
def test_a_replaced_layer_is_refused(compact):
    model, _, pb = run(compact=compact)
    model[6] = nn.Linear(8, 5)
    with pytest.raises(UserError, match=r"'6\.weight'.*removed"):
        pb.begin_epoch(2)
    with pytest.raises(UserError, match=r"'6\.weight'.*removed"):
        pb.summary()


@pytest.mark.parametrize("compact", [False, True])
def test_a_parametrization_of_the_same_weight_goes_on(compact):
    class Doubled(nn.Module):
        def forward(self, weight):
            return 2 * weight

    model, optimizer, pb = run(compact=compact)
    before = frozen(model, pb)
    weight = model[4].weight
    nn.utils.parametrize.register_parametrization(model[4], "weight", Doubled())
    train(model, optimizer, pb, [2])
    assert torch.equal(weight.detach()[~pb.mask["4.weight"]], before["4.weight"])
    assert pb.report().total("drift_sum_abs") == 0


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_a_layer_frozen_by_hand_stays_so_through_saving_and_new_masks(compact, skip):
    options = {"compact": compact, "skip_filters": skip, "remask_every": 2}
    model, optimizer, pb = run(**options)
    model[4].weight.requires_grad_(False)
    before = values(model)["4.weight"]
    train(model, optimizer, pb, [2])
    states = copy.deepcopy([part.state_dict() for part in (model, optimizer, pb)])
    for part, state in zip((model, optimizer, pb), states, strict=True):
        part.load_state_dict(state)
    train(model, optimizer, pb, [2, 3])
    assert torch.equal(values(model)["4.weight"], before)
    assert not model[4].weight.requires_grad
    assert "4.weight" not in pb.mask


# Values that something else than a step writes.


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("through_data", [False, True])
def test_weights_loaded_back_stay_as_loaded_and_are_told(compact, through_data):
    model, optimizer, pb = run(range(1), compact=compact)
    best = copy.deepcopy(model.state_dict())
    train(model, optimizer, pb, [1])
    with torch.no_grad():
        model[4].weight += 0.1
    train_on = functools.partial(train, model, optimizer, pb)
    if through_data:
        for name, parameter in model.named_parameters():
            parameter.data.copy_(best[name] + 1)
    else:
        model.load_state_dict({k: v + 1 if v.is_floating_point() else v for k, v in best.items()})
    before = frozen(model, pb)
    with pytest.warns(UserWarning, match="changed"):
        train_on([2])
    train_on([3])  # told once
    assert moved(model, pb, before) == 0
    if compact:
        with pytest.raises(UserError, match="use compact=False"):
            pb.report()
    else:
        assert pb.report().total("drift_sum_abs") > 0
    state = copy.deepcopy(pb.state_dict())
    again_model, _, again = run(range(0), compact=compact)
    again_model.load_state_dict(model.state_dict())
    again.load_state_dict(state)
    pb.close()  # and none of it stands in the way of going on
    train(model, optimizer, pb, [4])


@pytest.mark.parametrize("compact", [False, True])
def test_a_model_that_was_not_loaded_is_told(compact):
    _, optimizer, pb = run(compact=compact)
    model, other, other_pb = run(range(0), seed=1, compact=compact)
    other.load_state_dict(optimizer.state_dict())
    other_pb.load_state_dict(pb.state_dict())
    with pytest.warns(UserWarning, match="frozen values"):
        train(model, other, other_pb, [2])


@pytest.mark.parametrize("compact", [False, True])
def test_weights_averaged_for_an_evaluation_and_put_back_are_no_change(compact):
    model, optimizer, pb = run(compact=compact)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.5)
    )
    train(model, optimizer, pb, [2])
    average.update_parameters(model)
    kept = copy.deepcopy(model.state_dict())
    model.load_state_dict(average.module.state_dict())
    model.load_state_dict(kept)
    train(model, optimizer, pb, [3])
    assert pb.report().total("drift_sum_abs") == 0


@pytest.mark.parametrize("compact", [False, True])
def test_a_norm_that_an_embedding_holds_is_told(compact):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(20, 4, max_norm=1.0), nn.Linear(4, 20))
    optimizer = ADAM(model.parameters())
    pb = PartialBackprop(model, optimizer, MOST, 0, compact=compact)
    tokens = torch.arange(20)

    def trained() -> None:
        for epoch in range(20):
            pb.begin_epoch(epoch)
            optimizer.zero_grad()
            F.cross_entropy(model(tokens), tokens).backward()
            optimizer.step()

    with pytest.warns(UserWarning, match=r"0\.weight"):
        trained()


# A second one, and copies.


@pytest.mark.parametrize("compact", [False, True])
def test_a_second_one_replaces_the_first(compact):
    model, optimizer, first = run(compact=compact)
    with pytest.warns(UserWarning, match=r"close\(\)"):
        second = PartialBackprop(model, optimizer, lambda gs: {n: g == g for n, g in gs.items()}, 0)
    assert not first.freezes
    before = frozen(model, first)
    train(model, optimizer, second, [0])
    assert second.mask.n_frozen() == 0
    assert moved(model, first, before) > 0
    second.close()
    PartialBackprop(model, optimizer, MOST)  # and a closed one is no second one


def test_two_of_different_parts_live_side_by_side():
    model = network()
    optimizer = ADAM(model.parameters())
    parts = [PartialBackprop(model[at], optimizer, MOST, 0, compact=True) for at in (4, 6)]
    for epoch in range(2):
        for pb in parts:
            pb.begin_epoch(epoch)
        for images, labels in batches(epoch):
            optimizer.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            optimizer.step()
    assert [pb.report().total("drift_sum_abs") for pb in parts] == [0, 0]
    assert all(pb.mask.n_frozen() > 0 for pb in parts)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_a_copy_of_all_three_trains_like_the_original_and_apart_from_it(compact, skip):
    criterion = functools.partial(filters.mask, q=0.6, scope="layer")
    parts = run(compact=compact, skip_filters=skip, criterion=criterion)
    copies = copy.deepcopy(parts)
    kinds = [[type(module) for module in one[0].modules()] for one in (parts, copies)]
    assert kinds[0] == kinds[1]
    assert (_SkippingLinear in kinds[0]) == skip
    flags = [[p.requires_grad for p in one[0].parameters()] for one in (parts, copies)]
    assert flags[0] == flags[1]
    before = values(copies[0])
    train(*parts, [2])
    assert_same_bits(before, values(copies[0]))
    train(*copies, [2])
    assert_same_bits(values(parts[0]), values(copies[0]))
    assert copies[2].report() == parts[2].report()
    copies[2].close()
    assert all(p.requires_grad for p in copies[0].parameters())
    assert [type(module) for module in parts[0].modules()] == kinds[0]
    train(*parts, [3])
    assert parts[2].report().total("drift_sum_abs") == 0


def test_an_averaged_copy_under_skipped_filters_is_a_plain_model():
    criterion = functools.partial(filters.mask, q=0.6, scope="layer")
    model, optimizer, pb = run(skip_filters=True, criterion=criterion)
    average = torch.optim.swa_utils.AveragedModel(model)
    assert not any(isinstance(m, _SkippingTorchConv2d | _SkippingLinear) for m in average.modules())
    assert any(isinstance(m, _SkippingLinear) for m in model.modules())
    train(model, optimizer, pb, [2])
    average.update_parameters(model)
    images, _ = next(batches(0))
    assert torch.isfinite(average(images)).all()


# Loading.


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("compact", [False, True])
def test_names_of_compiled_and_wrapped_models_are_the_plain_ones(prefix, compact):
    model, optimizer, pb = run(compact=compact)
    state = pb.state_dict()

    def renamed(values):
        return {prefix + name: one for name, one in values.items()}

    state |= {key: renamed(state[key]) for key in ("active", "values_at_mask", "n_natural_zeros")}
    if compact:
        state["compact"] = {key: renamed(one) for key, one in state["compact"].items()}
    expected = pb.report()
    pb.load_state_dict(state)
    assert pb.report() == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(model, optimizer, pb, [2])


@pytest.mark.parametrize("state", [None, [], 3])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(UserError, match="PartialBackprop"):
        run(range(0))[2].load_state_dict(state)
