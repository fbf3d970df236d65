"""PartialBackprop in plain loops: parity with the listing and with copying by hand, exactness, masks."""

import copy
import functools

import pytest
import torch
import torch.nn.functional as F
from tests.freezing.plain_training import (
    HALF,
    N_BATCHES,
    OPTIMIZERS,
    assert_same_bits,
    batches,
    network,
    train,
    values,
)
from torch import nn

from partial_backprop import Mask, PartialBackprop
from partial_backprop.freezing import fixed
from partial_backprop.freezing.strict import bits


def frozen_bits(state, mask) -> dict[str, torch.Tensor]:
    return {name: bits(state[name])[~active] for name, active in mask.items()}


@pytest.mark.parametrize("build", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_strict_equals_copying_back_by_hand(build):
    """The reference knows no hook: it masks, steps, and writes the old values back by index."""
    model = network()
    optimizer = build(model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1)
    train(model, optimizer, pb, range(4))

    reference = network()
    other = build(reference.parameters())
    masks, held = None, None
    for epoch in range(4):
        for images, labels in batches(epoch):
            other.zero_grad()
            F.cross_entropy(reference(images), labels).backward()
            named = dict(reference.named_parameters())
            if epoch >= 1 and masks is None:
                masks = HALF({name: p.grad for name, p in named.items()})
                held = values(reference)
            if masks is not None:
                for name, p in named.items():
                    p.grad[~masks[name]] = 0.0
            other.step()
            if masks is not None:
                with torch.no_grad():
                    for name, p in named.items():
                        p[~masks[name]] = held[name][~masks[name]]
    assert_same_bits(values(model), values(reference))
    assert_same_bits(dict(pb.mask), dict(masks))


@pytest.mark.parametrize("build", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_strict_freezes_every_bit_and_trains_the_rest(build):
    model = network()
    optimizer = build(model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1)
    train(model, optimizer, pb, range(1))
    before = values(model)
    train(model, optimizer, pb, range(1, 4))
    after = values(model)
    frozen_before, frozen_after = frozen_bits(before, pb.mask), frozen_bits(after, pb.mask)
    assert all(torch.equal(frozen_before[name], frozen_after[name]) for name in before)
    report = pb.report()
    assert report.total("n_mask_zeros") == round(report.total("n_weights") / 2)
    assert report.total("drift_sum_abs") == 0
    moved = report.total("n_weights") - report.total("n_unmoved")
    assert moved > 0.9 * (report.total("n_weights") - report.total("n_mask_zeros"))


def listing_zero_grad(optimizer, net, masks, thresh):
    """Re-express ``zeroGrad`` of pb2020's listing; its constant is an argument here."""
    if masks is None:
        masks = []
        for param in net.parameters():
            scaled = (param.grad.detach() / optimizer.param_groups[0]["lr"]).abs()
            mask = torch.ones_like(scaled)
            mask[scaled <= thresh] = 0
            param.grad *= mask
            masks.append(mask)
    else:
        for param, mask in zip(net.parameters(), masks, strict=True):
            param.grad *= mask
    return masks


def test_gradient_mode_is_the_listing_bit_for_bit():
    build = functools.partial(torch.optim.Adam, lr=0.001, amsgrad=True)
    model = network()
    optimizer = build(model.parameters())
    criterion = functools.partial(fixed.mask, threshold=10.0)
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=2, mode="gradient")
    train(model, optimizer, pb, range(6))

    reference = network()
    other = build(reference.parameters())
    start_pb_epoch, calculated, masks = 1, False, None
    for epoch in range(6):
        for images, labels in batches(epoch):
            reference.zero_grad()
            F.cross_entropy(reference(images), labels).backward()
            if calculated is False and epoch > start_pb_epoch:
                calculated = True
                masks = listing_zero_grad(other, reference, None, 10.0)
            elif epoch > start_pb_epoch:
                masks = listing_zero_grad(other, reference, masks, 10.0)
            other.step()
    assert 0.1 < torch.cat([mask.flatten() for mask in masks]).mean() < 0.9
    assert [m.bool().tolist() for m in masks] == [m.tolist() for m in pb.mask.values()]
    assert_same_bits(values(model), values(reference))


def test_gradient_mode_drifts_with_averages_and_not_without():
    drifts = {}
    for name in ("amsgrad", "momentum", "sgd decay", "sgd"):
        model = network()
        optimizer = OPTIMIZERS[name](model.parameters())
        pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1, mode="gradient")
        train(model, optimizer, pb, range(3))
        report = pb.report()
        drifts[name] = report.total("drift_sum_abs")
        largest = max(layer.drift_max_abs for layer in report.layers)
        assert (largest > 0) == (drifts[name] > 0)
    assert drifts["sgd"] == 0
    assert min(drifts["amsgrad"], drifts["momentum"], drifts["sgd decay"]) > 0


def test_the_mask_is_of_the_first_step_of_its_epoch_and_stays():
    seen = []

    def criterion(gradients):
        seen.append({name: gradient.clone() for name, gradient in gradients.items()})
        return HALF(gradients)

    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=2)
    train(model, optimizer, pb, range(2))
    assert pb.mask is None
    assert not pb.freezes
    assert not seen
    images, labels = next(batches(2))
    model.zero_grad()
    probe = copy.deepcopy(model)
    F.cross_entropy(probe(images), labels).backward()
    train(model, optimizer, pb, range(2, 5))
    assert len(seen) == 1
    assert_same_bits(seen[0], {name: p.grad for name, p in probe.named_parameters()})
    assert_same_bits(dict(pb.mask), dict(HALF(seen[0])))
    assert pb.threshold == HALF(seen[0]).threshold
    assert pb.report().masked_at_epochs == (2,)
    zeros = sum(int((gradient == 0).sum()) for gradient in seen[0].values())
    assert pb.report().total("n_natural_zeros") == zeros


def test_a_new_mask_is_made_of_all_gradients_and_frees_weights():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1, remask_every=2)
    masks = []
    for epoch in range(6):
        train(model, optimizer, pb, [epoch])
        masks.append(dict(pb.mask) if pb.mask else None)
    assert masks[0] is None
    assert masks[1] is not masks[3] is not masks[5]
    assert all(torch.equal(masks[1][name], masks[2][name]) for name in masks[1])
    freed = sum(int((~masks[2][name] & masks[3][name]).sum()) for name in masks[2])
    assert freed > 0
    assert pb.report().masked_at_epochs == (1, 3, 5)


def test_it_tells_when_the_next_step_makes_a_mask():
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1, remask_every=2)
    assert not pb.mask_is_due
    due = []
    for epoch in range(4):
        train(model, optimizer, pb, [epoch], after_backward=lambda: due.append(pb.mask_is_due))
    starts = [1 * N_BATCHES, 3 * N_BATCHES]
    assert [step for step, is_due in enumerate(due) if is_due] == starts
    assert not pb.mask_is_due


def test_the_report_keeps_the_counts_of_every_mask():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    thresholds = iter([0.01, 0.002])
    seen = []

    def criterion(gradients):
        seen.append({name: gradient.clone() for name, gradient in gradients.items()})
        return fixed.mask(gradients, threshold=next(thresholds), learning_rate=1.0)

    pb = PartialBackprop(model, optimizer, criterion=criterion, start_epoch=1, remask_every=2)
    train(model, optimizer, pb, range(4))
    report = pb.report()
    assert [(one.epoch, one.threshold) for one in report.masks] == [(1, 0.01), (3, 0.002)]
    for one, gradients in zip(report.masks, seen, strict=True):
        for layer in one.layers:
            gradient = gradients[layer.name]
            assert layer.n_weights == gradient.numel()
            assert layer.n_mask_zeros == int((gradient.abs() <= one.threshold).sum())
            assert layer.n_natural_zeros == int((gradient == 0).sum())
    first, last = report.masks
    assert first.total("n_mask_zeros") != last.total("n_mask_zeros")
    assert last.total("n_mask_zeros") == report.total("n_mask_zeros")


def test_full_epochs_at_the_end_free_everything_and_the_report_keeps_the_mask():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    pb = PartialBackprop(
        model, optimizer, criterion=HALF, start_epoch=1, full_epochs_at_end=1, epochs=4
    )
    train(model, optimizer, pb, range(3))
    assert pb.freezes
    n_frozen = pb.report().total("n_mask_zeros")
    before = values(model)
    train(model, optimizer, pb, [3])
    assert not pb.freezes
    after = values(model)
    moved = sum(
        int((one != two).sum())
        for one, two in zip(
            frozen_bits(before, pb.mask).values(), frozen_bits(after, pb.mask).values(), strict=True
        )
    )
    assert moved > 0.5 * n_frozen
    assert pb.report().total("n_mask_zeros") == n_frozen
    assert pb.report().total("drift_sum_abs") > 0


def test_calling_after_backward_changes_nothing_but_the_clipped_norm():
    models, norms = [], []
    for early in (False, True):
        model = network()
        optimizer = OPTIMIZERS["amsgrad"](model.parameters())
        pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1)

        def twice(pb=pb):
            pb.after_backward()
            pb.after_backward()

        train(model, optimizer, pb, range(3), after_backward=twice if early else lambda: None)
        models.append(values(model))
        F.cross_entropy(model(next(batches(0))[0]), next(batches(0))[1]).backward()
        pb.after_backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 1e-3))
        active = [p.grad[pb.mask[name]] for name, p in model.named_parameters()]
        assert torch.cat(active).norm() == pytest.approx(min(1e-3, float(norms[-1])), rel=1e-3)
    assert_same_bits(*models)


def test_clipping_keeps_frozen_values():
    model = network()
    optimizer = OPTIMIZERS["adamw"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    before = values(model)
    clip = functools.partial(nn.utils.clip_grad_norm_, list(model.parameters()), 0.01)
    train(model, optimizer, pb, range(2), after_backward=clip)
    assert_same_bits(frozen_bits(before, pb.mask), frozen_bits(values(model), pb.mask))


def test_accumulated_gradients_make_the_mask():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    pb.begin_epoch(0)
    for images, labels in batches(0):
        (F.cross_entropy(model(images), labels) / N_BATCHES).backward()
    whole = {name: p.grad.clone() for name, p in model.named_parameters()}
    before = values(model)
    optimizer.step()
    assert_same_bits(dict(pb.mask), dict(HALF(whole)))
    for name, p in model.named_parameters():
        assert torch.equal(p.grad, whole[name] * pb.mask[name])
    assert_same_bits(frozen_bits(before, pb.mask), frozen_bits(values(model), pb.mask))


def test_tied_weights_are_one():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(5, 3)
            self.head = nn.Linear(3, 5)
            self.head.weight = self.embedding.weight

        def forward(self, tokens):
            return self.head(self.embedding(tokens))

    torch.manual_seed(0)
    model = Tied()
    optimizer = OPTIMIZERS["adamw"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    tokens = torch.tensor([0, 1, 2, 3])
    before = model.embedding.weight.detach().clone()
    for epoch in range(5):
        pb.begin_epoch(epoch)
        optimizer.zero_grad()
        F.cross_entropy(model(tokens), tokens).backward()
        optimizer.step()
    assert list(pb.mask) == ["embedding.weight", "head.bias"]
    assert model.head.weight is model.embedding.weight
    active = pb.mask["embedding.weight"]
    assert torch.equal(bits(model.head.weight)[~active], bits(before)[~active])
    assert not torch.equal(model.head.weight[active], before[active])


def test_parameters_that_stay_out():
    """Not trained, without gradient, or in no group: neither in the mask nor in the report."""
    model = network()
    model.unused = nn.Linear(2, 2)
    model[1].weight.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [
            {"params": model[0].parameters()},
            {"params": [*model[4].parameters(), *model.unused.parameters()], "lr": 0.1},
            {"params": model[1].parameters(), "weight_decay": 0.0},
        ],
        lr=0.01,
    )
    model.forward = lambda images: nn.Sequential(*list(model)[:7])(images)
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    before = values(model)
    train(model, optimizer, pb, range(2))
    assert list(pb.mask) == ["0.weight", "1.bias", "4.weight", "4.bias"]
    assert [layer.name for layer in pb.report().layers] == list(pb.mask)
    after = values(model)
    for name in ("1.weight", "6.weight", "6.bias", "unused.weight"):
        assert torch.equal(before[name], after[name])
    assert_same_bits(frozen_bits(before, pb.mask), frozen_bits(after, pb.mask))


def test_a_scheduler_around_the_optimizer_changes_nothing():
    model = network()
    optimizer = OPTIMIZERS["amsgrad"](model.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    before = values(model)
    for epoch in range(3):
        train(model, optimizer, pb, [epoch])
        scheduler.step()
    assert_same_bits(frozen_bits(before, pb.mask), frozen_bits(values(model), pb.mask))


@pytest.mark.parametrize(
    "criterion",
    [
        {"name": "fixed", "threshold": 10.0},
        {"name": "quantile", "q": 0.5},
        {"name": "random", "like": {"name": "quantile", "q": 0.5}, "seed": 0},
        "otsu_kde",
    ],
)
def test_criteria_by_name(criterion):
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=criterion, start_epoch=0)
    train(model, optimizer, pb, range(2))
    assert 0 < pb.mask.n_frozen() < pb.mask.n_weights()


def test_a_criterion_may_return_plain_tensors():
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(
        model, optimizer, lambda gs: {n: (g > 0).float() for n, g in gs.items()}, start_epoch=0
    )
    train(model, optimizer, pb, range(1))
    assert isinstance(pb.mask, Mask)
    assert pb.threshold is None


def test_the_summary_says_what_is_frozen():
    model = network()
    optimizer = OPTIMIZERS["adam"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=1)
    assert pb.summary() == "PartialBackprop (strict): freezes from epoch 1 on"
    train(model, optimizer, pb, range(2))
    head, columns, *rows, total = pb.summary().splitlines()
    n_weights = sum(p.numel() for p in model.parameters())
    n_frozen = (n_weights + 1) // 2
    assert head.startswith(
        f"PartialBackprop (strict): {n_frozen} of {n_weights} weights frozen "
        f"({n_frozen / n_weights:.1%}), mask of epoch 1, |gradient| threshold {pb.threshold:.4g}"
    )
    assert columns.split()[:3] == ["parameter", "weights", "frozen"]
    assert [row.split()[0] for row in rows] == list(pb.mask)
    assert total.split()[:3] == ["all", str(n_weights), str(n_frozen)]


def test_closed_it_lets_go():
    model = network()
    optimizer = OPTIMIZERS["adamw"](model.parameters())
    pb = PartialBackprop(model, optimizer, criterion=HALF, start_epoch=0)
    train(model, optimizer, pb, range(1))
    before = values(model)
    pb.close()
    pb.close()
    train(model, optimizer, pb, range(1, 2))
    assert pb.report().total("drift_sum_abs") > 0
    assert any(
        not torch.equal(one, two)
        for one, two in zip(
            frozen_bits(before, pb.mask).values(),
            frozen_bits(values(model), pb.mask).values(),
            strict=True,
        )
    )
