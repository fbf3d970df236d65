"""A run of PartialBackprop that stopped goes on as if it had not."""

import copy
import io

import pytest
import torch
import torch.nn.functional as F
from tests.freezing.plain_training import (
    HALF,
    OPTIMIZERS,
    assert_same_bits,
    batches,
    network,
    train,
    values,
)

from partial_backprop import PartialBackprop


@pytest.mark.parametrize("build", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(
    ("mode", "stop"),
    [*(("strict", stop) for stop in (1, 3, 5, 7)), *(("gradient", stop) for stop in (3, 7))],
)
def test_a_resumed_run_is_the_same_run(build, mode, stop):
    """Stopped before the mask, after it, after a new one, and in the full epochs at the end."""
    options = {
        "criterion": HALF, "start_epoch": 2, "mode": mode,
        "remask_every": 2, "full_epochs_at_end": 2, "epochs": 8,
    }  # fmt: skip
    model = network()
    optimizer = build(model.parameters())
    pb = PartialBackprop(model, optimizer, **options)
    train(model, optimizer, pb, range(stop))
    file = io.BytesIO()
    states = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**states, "pb": pb.state_dict()}, file)
    train(model, optimizer, pb, range(stop, 8))

    file.seek(0)
    states = torch.load(file, weights_only=True)
    second = network(seed=1)
    second_optimizer = build(second.parameters())
    second_pb = PartialBackprop(second, second_optimizer, **options)
    second_pb.load_state_dict(states["pb"])
    second.load_state_dict(states["model"])
    second_optimizer.load_state_dict(states["optimizer"])
    train(second, second_optimizer, second_pb, range(stop, 8))

    assert_same_bits(values(model), values(second))
    assert_same_bits(dict(model.named_buffers()), dict(second.named_buffers()))
    assert second_pb.report() == pb.report()
    assert pb.report().masked_at_epochs == (2, 4)


def test_a_state_without_the_counts_of_its_masks_still_loads():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1)
    train(model, optimizer, pb, range(2))
    state = pb.state_dict()
    del state["masks"]
    pb.load_state_dict(state)
    report = pb.report()
    assert (report.masked_at_epochs, report.masks) == ((1,), ())


def test_a_state_with_the_former_name_of_the_values_still_loads():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1)
    train(model, optimizer, pb, range(2))
    expected, state = pb.report(), pb.state_dict()
    state["anchor"] = state.pop("values_at_mask")
    pb.load_state_dict(state)
    assert pb.report() == expected


def test_a_run_stopped_within_an_epoch_goes_on():
    def one(model, optimizer, images, labels):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    whole = network()
    optimizer = OPTIMIZERS["amsgrad"](whole.parameters())
    pb = PartialBackprop(whole, optimizer, criterion=HALF, start_epoch=0)
    pb.begin_epoch(0)
    state = None
    for i, batch in enumerate(batches(0)):
        if i == 2:
            state = copy.deepcopy((whole.state_dict(), optimizer.state_dict(), pb.state_dict()))
        one(whole, optimizer, *batch)
    resumed = network(seed=1)
    other = OPTIMIZERS["amsgrad"](resumed.parameters())
    other_pb = PartialBackprop(resumed, other, criterion=HALF, start_epoch=0)
    for part, content in zip((resumed, other, other_pb), state, strict=True):
        part.load_state_dict(content)
    other_pb.begin_epoch(0)
    for batch in list(batches(0))[2:]:
        one(resumed, other, *batch)
    assert_same_bits(values(whole), values(resumed))
