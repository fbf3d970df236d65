"""A delta file gives the trained model from its base, and the base from that, bit for bit."""

import copy
import json

import pytest
import torch
from tests.freezing.plain_training import OPTIMIZERS, assert_same_bits, network, train
from torch import nn

from partial_backprop import PartialBackprop, UserError, apply_delta
from partial_backprop.storage import safetensors


def state(model) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def trained(compact=False, q=0.8, start_epoch=0, model=None, **options):
    model = network() if model is None else model
    base = copy.deepcopy(model)
    optimizer = OPTIMIZERS["adamw"](model.parameters())
    criterion = {"name": "snip", "q": q}
    pb = PartialBackprop(
        model, optimizer, criterion, start_epoch=start_epoch, compact=compact, **options
    )
    train(model, optimizer, pb, range(2))
    return base, model, pb


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_applied_and_removed_to_the_bit(tmp_path, compact, memory_format):
    model = network().to(memory_format=memory_format)
    base, model, pb = trained(compact, model=model)
    pb.save_delta(tmp_path / "delta.safetensors")
    other = base.to(memory_format=torch.contiguous_format)
    before = state(other)
    applied = apply_delta(other, tmp_path / "delta.safetensors")
    assert_same_bits(state(other), state(model))
    applied.remove()
    assert_same_bits(state(other), before)
    applied.remove()
    assert_same_bits(state(other), before)


@pytest.mark.parametrize("q", [0.99, 0.95, 0.8, 0.5])
def test_at_most_eight_bytes_an_active_weight(tmp_path, q):
    torch.manual_seed(0)
    model = nn.Linear(600, 400)
    optimizer = torch.optim.Adam(model.parameters())
    pb = PartialBackprop(model, optimizer, {"name": "gradient", "q": q}, start_epoch=0)
    pb.begin_epoch(0)
    model(torch.randn(8, 600)).square().sum().backward()
    optimizer.step()
    pb.save_delta(tmp_path / "delta")
    n_active = pb.mask.n_weights() - pb.mask.n_frozen()
    size = (tmp_path / "delta").stat().st_size
    header = 700
    assert size - header <= 5.5 * n_active < 8 * n_active


def test_running_statistics_are_in_it_where_they_moved(tmp_path):
    base, model, pb = trained()
    pb.save_delta(tmp_path / "delta")
    assert not torch.equal(base[1].running_mean, model[1].running_mean)
    apply_delta(base, tmp_path / "delta")
    assert torch.equal(base[1].running_mean, model[1].running_mean)
    still = network()
    still[1].track_running_stats = False  # uses the batch's own, and leaves the buffers
    base, model, pb = trained(model=still)
    pb.save_delta(tmp_path / "other")
    named = json.loads(safetensors.metadata((tmp_path / "other").read_bytes())["tensors"])
    assert not [name for name, *_ in named if "running" in name]


def test_it_can_be_saved_after_a_resume(tmp_path):
    base, model, pb = trained(compact=True)
    again = copy.deepcopy(model)
    optimizer = OPTIMIZERS["adamw"](again.parameters())
    resumed = PartialBackprop(
        again, optimizer, {"name": "snip", "q": 0.8}, start_epoch=0, compact=True
    )
    resumed.load_state_dict(pb.state_dict())
    resumed.save_delta(tmp_path / "delta")
    apply_delta(base, tmp_path / "delta")
    assert_same_bits(state(base), state(model))


def test_a_replaced_head_needs_not_be_the_same(tmp_path):
    model = network()
    base = copy.deepcopy(model)
    optimizer = OPTIMIZERS["adam"](model.parameters())
    criterion = {"name": "snip", "q": 0.9, "keep": ("6.",)}
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=0)
    train(model, optimizer, pb, range(1))
    pb.save_delta(tmp_path / "delta")
    nn.init.normal_(base[6].weight)
    apply_delta(base, tmp_path / "delta")
    assert_same_bits(state(base), state(model))


def test_wrapped_models_have_the_same_names(tmp_path):
    base, model, pb = trained()
    pb.save_delta(tmp_path / "delta")
    wrapped = nn.Module()
    wrapped.module = base
    wrapped.forward = base.forward
    apply_delta(wrapped, tmp_path / "delta")
    assert_same_bits(state(base), state(model))


def assert_refused(model, path, match) -> None:
    before = state(model)
    with pytest.raises(UserError, match=match) as caught:
        apply_delta(model, path)
    assert "\n" not in str(caught.value)
    assert_same_bits(state(model), before)


def test_bad_files_leave_the_model_as_it_was(tmp_path):
    base, _, pb = trained()
    path = tmp_path / "delta"
    pb.save_delta(path)
    good = path.read_bytes()
    assert_refused(base, tmp_path / "none", "cannot read")
    for end in (0, 4, 8, 100, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:end])
        assert_refused(base, path, "no delta file, or damaged")
    for place in range(8, len(good), 97):
        path.write_bytes(good[:place] + bytes([good[place] ^ 64]) + good[place + 1 :])
        assert_refused(base, path, "delta file|another")
    path.write_bytes(safetensors.to_bytes({"w": torch.zeros(3)}, {}))
    assert_refused(base, path, "does not say that it is one")


def test_another_base_is_refused(tmp_path):
    base, _, pb = trained()
    path = tmp_path / "delta"
    pb.save_delta(path)
    assert_refused(network(seed=1), path, "another base")
    assert_refused(copy.deepcopy(base).double(), path, "of float32 there and")
    wider = network()
    wider[6] = nn.Linear(8, 4)
    assert_refused(wider, path, "3 x 8 of float32 there and 4 x 8 of float32 here")
    assert_refused(nn.Sequential(*list(network())[:-1]), path, "another model")
    frozen = ~pb.mask["4.weight"]
    place = tuple(frozen.nonzero()[0])
    with torch.no_grad():
        base[4].weight[place] += 1
    assert_refused(base, path, "another base")


def test_what_a_delta_cannot_hold_is_refused(tmp_path):
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, {"name": "snip", "q": 0.8}, start_epoch=1)
    pb.begin_epoch(0)
    with pytest.raises(UserError, match="no mask"):
        pb.save_delta(tmp_path / "delta")
    pb.close()
    _, _, pb = trained(mode="gradient")
    with pytest.raises(UserError, match="frozen values of"):
        pb.save_delta(tmp_path / "delta")
    for compact in (False, True):
        _, _, pb = trained(compact, full_epochs_at_end=1, epochs=2)
        with pytest.raises(UserError, match="frozen values of"):
            pb.save_delta(tmp_path / "delta")
    assert not (tmp_path / "delta").exists()


def test_an_untrained_part_is_checked_and_an_unmasked_one_refused(tmp_path):
    model = network()
    model[0].requires_grad_(False)
    base, _, pb = trained(model=model)
    pb.save_delta(tmp_path / "delta")
    with torch.no_grad():
        base[0].weight[0, 0, 0, 0] += 1
    assert_refused(base, tmp_path / "delta", "another base")
    spare = network()
    spare.spare = nn.Parameter(torch.zeros(3))  # never used: no gradient
    layers = nn.Sequential(*spare.children())
    spare.forward = lambda images: layers(images)
    _, _, pb = trained(model=spare)
    with pytest.raises(UserError, match="'spare' had no gradient"):
        pb.save_delta(tmp_path / "other")
