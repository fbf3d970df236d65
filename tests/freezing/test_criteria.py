"""Each criterion freezes what its formula says, computed here weight by weight in plain Python."""

import functools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from tests.freezing.plain_training import network
from torch import nn

from partial_backprop import PartialBackprop, UserError
from partial_backprop.freezing import (
    fisher,
    gradient,
    heads,
    magnitude,
    movement,
    n_m,
    random,
    rows,
    snip,
    wanda,
)
from partial_backprop.freezing.criterion import Gradients
from partial_backprop.freezing.gathering import attention_heads
from partial_backprop.freezing.scores import by_score

SHAPES = {"conv.weight": (4, 3, 2, 2), "conv.bias": (4,), "head.weight": (5, 6), "head.bias": (5,)}


def ranked(criterion, **options):
    return functools.partial(by_score, criterion.score, **options)


FORMULAS = {
    "gradient": (ranked(gradient), lambda w, g, g2, x: abs(g)),
    "magnitude": (ranked(magnitude), lambda w, g, g2, x: abs(w)),
    "smallest": (ranked(magnitude, active="smallest"), lambda w, g, g2, x: -abs(w)),
    "fisher": (ranked(fisher), lambda w, g, g2, x: g2),
    "snip": (ranked(snip), lambda w, g, g2, x: abs(w * g)),
    "movement": (ranked(movement), lambda w, g, g2, x: -w * g),
    "wanda": (ranked(wanda), lambda w, g, g2, x: abs(w) * x),
}


def numbers(seed: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=draw) for name, shape in SHAPES.items()}


def evidence(seed: int = 0) -> Gradients:
    inputs = {name: value.abs() for name, value in numbers(seed + 3).items() if "weight" in name}
    return Gradients(
        numbers(seed),
        weights=numbers(seed + 1),
        squares={name: value.square() for name, value in numbers(seed + 2).items()},
        inputs=inputs,
    )


def by_hand(formula, known: Gradients) -> dict[str, list[float]]:
    """Score of each weight, in the order of its tensor."""
    found = {}
    for name, g in known.items():
        x = known.inputs.get(name, torch.ones(SHAPES[name]))
        values = (known.weights[name], g, known.squares[name], x)
        found[name] = [
            formula(*four) for four in zip(*(v.flatten().tolist() for v in values), strict=True)
        ]
    return found


@pytest.mark.parametrize("name", FORMULAS)
@given(q=st.floats(0, 1), seed=st.integers(0, 20))
def test_network_wide_the_lowest_scores_freeze(name, q, seed):
    mask, formula = FORMULAS[name]
    known = evidence(seed)
    made = mask(known, q=q)
    scores = [score for values in by_hand(formula, known).values() for score in values]
    active = torch.cat([made[one].flatten() for one in SHAPES]).tolist()
    frozen = [s for s, on in zip(scores, active, strict=True) if not on]
    kept = [s for s, on in zip(scores, active, strict=True) if on]
    assert len(frozen) == int(q * len(scores) + 0.5) == made.n_frozen()
    if frozen and kept:
        assert max(frozen) <= min(kept) * (1 + 1e-6) + 1e-7


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("scope", ["layer", "row"])
def test_within_layers_and_rows_the_lowest_scores_freeze(name, scope):
    mask, formula = FORMULAS[name]
    known = evidence()
    made = mask(known, q=0.4, scope=scope)
    for one, scores in by_hand(formula, known).items():
        n_rows = SHAPES[one][0] if scope == "row" and len(SHAPES[one]) > 1 else 1
        width = len(scores) // n_rows
        flags = made[one].flatten().tolist()
        for start in range(0, len(scores), width):
            order = sorted(range(start, start + width), key=lambda i: scores[i])
            n_frozen = int(0.4 * width + 0.5)
            assert {i for i in range(start, start + width) if not flags[i]} == set(order[:n_frozen])


@given(budget=st.integers(0, 1000), size=st.integers(1, 12))
def test_a_budget_is_filled_and_not_exceeded(budget, size):
    known = evidence()
    made = by_score(snip.score, known, budget=budget, bytes_per_weight=size)
    n_active = made.n_weights() - made.n_frozen()
    assert n_active == min(made.n_weights(), budget // size)
    by_rows = rows.mask(known, budget=budget, bytes_per_weight=size)
    used = size * sum(int(by_rows[one].sum()) for one in SHAPES if "weight" in one)
    assert used <= budget
    frozen = {
        one: [i for i, row in enumerate(by_rows[one].flatten(1).tolist()) if not any(row)]
        for one in SHAPES
        if "weight" in one
    }
    means = {one: known[one].abs().flatten(1).mean(1).tolist() for one in frozen}
    if any(frozen.values()):  # the best of those that were left out does not fit any more
        left = [(means[one][i], known[one][i].numel()) for one in frozen for i in frozen[one]]
        assert used + size * max(left)[1] > budget


def test_kept_parameters_stay_active_and_are_not_counted():
    known = evidence()
    made = by_score(gradient.score, known, q=0.5, keep=("head",))
    assert made["head.weight"].all()
    assert made["head.bias"].all()
    assert made.n_frozen() == (48 + 4) // 2


def test_equal_scores_freeze_in_order():
    made = by_score(gradient.score, {"w": torch.ones(10)}, q=0.3)
    assert made["w"].tolist() == [False] * 3 + [True] * 7


@given(st.integers(1, 4), st.integers(0, 3), st.integers(0, 20))
def test_n_of_m_inputs_stay_active(n, more, seed):
    m = n + more
    known = evidence(seed)
    made = n_m.mask(known, n=n, m=m, score="magnitude")
    assert made["conv.bias"].all()
    for name in ("conv.weight", "head.weight"):
        shape = (*SHAPES[name][:2], -1)
        weight, active = known.weights[name].reshape(shape), made[name].reshape(shape)
        for o in range(weight.shape[0]):
            for place in range(weight.shape[2]):
                for start in range(0, weight.shape[1], m):
                    sizes = weight[o, start : start + m, place].abs().tolist()
                    best = sorted(sizes, reverse=True)[: min(n, len(sizes))]
                    flags = active[o, start : start + m, place].tolist()
                    kept = [s for s, on in zip(sizes, flags, strict=True) if on]
                    assert sorted(kept, reverse=True) == best


def test_rows_freeze_whole_by_their_mean_score():
    known = evidence()
    made = rows.mask(known, q=0.5, score="snip", scope="layer")
    scores = by_hand(FORMULAS["snip"][1], known)
    for name, bias in (("conv.weight", "conv.bias"), ("head.weight", "head.bias")):
        n_rows = SHAPES[name][0]
        width = len(scores[name]) // n_rows
        means = [sum(scores[name][i * width : (i + 1) * width]) for i in range(n_rows)]
        lowest = sorted(range(n_rows), key=means.__getitem__)[: int(n_rows * 0.5 + 0.5)]
        active = made[name].flatten(1)
        assert torch.equal(active.all(1), active.any(1))
        assert [i for i in range(n_rows) if not active[i].any()] == sorted(lowest)
        assert torch.equal(made[bias], active.any(1))


class OwnAttention(nn.Module):
    """An attention layer with a linear layer for each projection."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads = 2
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(8, 8) for _ in range(4))


@pytest.mark.parametrize("kind", [lambda: nn.MultiheadAttention(8, 2), OwnAttention])
def test_heads_freeze_whole(kind):
    torch.manual_seed(0)
    model = nn.Sequential(kind(), nn.Linear(8, 3))
    named = dict(model.named_parameters())
    # The second of the two heads, of four units each, has the larger gradients.
    gradients = {name: torch.ones_like(p) for name, p in named.items()}
    second = {"out_proj.weight": (slice(None), slice(4, 8))}
    for name, g in gradients.items():
        if "in_proj" in name:
            for part in range(3):
                g[8 * part + 4 : 8 * part + 8] = 2
        elif name.endswith("out_proj.weight"):
            g[second["out_proj.weight"]] = 2
        elif "_proj" in name and "out_proj" not in name:
            g[4:8] = 2
    made = heads.mask(Gradients(gradients, heads=attention_heads(model)), q=0.5)
    for name, g in gradients.items():
        is_headless = name.startswith("1.") or name.endswith("out_proj.bias")
        assert torch.equal(made[name], torch.zeros_like(g).bool() if is_headless else g == 2), name
    others = heads.mask(Gradients(gradients, heads=attention_heads(model)), q=0.5, others=True)
    assert others["1.weight"].all()


def test_no_heads_is_said():
    with pytest.raises(ValueError, match="no attention heads"):
        heads.mask(Gradients({"w": torch.ones(2, 2)}, heads={}), q=0.5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"q": 0.5, "budget": 100},
        {"q": 1.5},
        {"q": 0.5, "scope": "tower"},
        {"budget": 8, "scope": "layer"},
        {"budget": -1},
        {"budget": 8, "bytes_per_weight": 0},
        {"q": 0.5, "keep": ("",)},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match=r".+"):
        by_score(snip.score, evidence(), **options)


def test_what_is_not_known_is_asked_for():
    for criterion in (snip, magnitude, movement, wanda):
        with pytest.raises(ValueError, match="weights"):
            by_score(criterion.score, numbers(0), q=0.5)
    with pytest.raises(ValueError, match="unknown score"):
        rows.mask(evidence(), q=0.5, score="quantile")
    nans = Gradients(numbers(0), weights={n: v * torch.nan for n, v in numbers(1).items()})
    with pytest.raises(ValueError, match="NaN"):
        by_score(snip.score, nans, q=0.5)


# Several batches, before any state.


def data(n: int):
    draw = torch.Generator().manual_seed(1)
    for _ in range(n):
        yield torch.randn(16, 1, 6, 6, generator=draw), torch.randint(0, 3, (16,), generator=draw)


def step(model, optimizer, batch) -> None:
    optimizer.zero_grad()
    F.cross_entropy(model(batch[0]), batch[1]).backward()
    optimizer.step()


@pytest.mark.parametrize("compact", [False, True])
def test_a_mask_of_several_batches_is_made_before_any_state(compact):
    seen = []

    def criterion(gradients):
        seen.append(gradients)
        return {name: g.abs() > 1e-3 for name, g in gradients.items()}

    criterion.needs = ("squares", "inputs")
    model = network()
    model[1] = nn.Identity()  # batch statistics would move
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1)
    pb = PartialBackprop(
        model, optimizer, criterion, start_epoch=0, mask_batches=3, compact=compact
    )
    pb.begin_epoch(0)
    gradients = []
    for number, batch in enumerate(data(3)):
        assert pb.mask_is_due
        assert not optimizer.state
        assert all(torch.equal(p, start[name]) for name, p in model.named_parameters())
        optimizer.zero_grad()
        F.cross_entropy(model(batch[0]), batch[1]).backward()
        gradients.append({name: p.grad.detach().clone() for name, p in model.named_parameters()})
        if number:  # either way is a step added once
            pb.after_backward()
        optimizer.step()
    assert not pb.mask_is_due
    (found,) = seen
    for name in start:
        torch.testing.assert_close(found[name], sum(g[name] for g in gradients) / 3)
        torch.testing.assert_close(
            found.squares[name], sum(g[name].square() for g in gradients) / 3
        )
    frozen = {name: ~entries for name, entries in pb.mask.items()}
    moved = {name: p != start[name] for name, p in model.named_parameters()}
    assert any(bool(m.any()) for m in moved.values())
    assert not any(bool((moved[name] & frozen[name]).any()) for name in moved)
    # The convolution's only channel: root mean square of all its pixels.
    pixels = torch.cat([images.flatten() for images, _ in data(3)])
    torch.testing.assert_close(found.inputs["0.weight"].flatten()[0], pixels.square().mean().sqrt())
    assert found.inputs["0.weight"].numel() == 4


def test_inputs_of_grouped_convolutions_meet_their_weights():
    torch.manual_seed(0)
    model = nn.Conv2d(4, 6, 1, groups=2)
    images = torch.randn(5, 4, 3, 3) * torch.tensor([1.0, 2, 3, 4]).view(1, 4, 1, 1)
    seen = []

    def criterion(gradients):
        seen.append(gradients.inputs["weight"])
        return {name: torch.ones_like(g) for name, g in gradients.items()}

    criterion.needs = ("inputs",)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=0)
    pb.begin_epoch(0)
    model.eval()
    model(images * 100)  # an evaluation does not count
    model.train()
    model(images).sum().backward()
    optimizer.step()
    size = images.square().mean((0, 2, 3)).sqrt()
    expected = torch.stack([size[:2]] * 3 + [size[2:]] * 3)[..., None, None]
    torch.testing.assert_close(seen[0].expand(model.weight.shape), expected)
    assert not model._forward_pre_hooks


def test_a_later_mask_is_made_of_as_many_batches():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    pb = PartialBackprop(
        model,
        optimizer,
        {"name": "fisher", "q": 0.5},
        start_epoch=1,
        remask_every=1,
        mask_batches=2,
    )
    for epoch in range(3):
        pb.begin_epoch(epoch)
        for number, batch in enumerate(data(4)):
            before = {name: p.detach().clone() for name, p in model.named_parameters()}
            step(model, optimizer, batch)
            same = all(torch.equal(p, before[name]) for name, p in model.named_parameters())
            assert same == (epoch > 0 and number == 0)
    assert pb.report().masked_at_epochs == (1, 2)


def test_a_scale_of_gradients_is_taken_out_and_a_skipped_step_is_not_gathered():
    """What GradScaler does before a step: divide, and skip steps of gradients that are not finite."""
    seen = []

    def criterion(gradients):
        seen.append(dict(gradients))
        return {name: torch.ones_like(g) for name, g in gradients.items()}

    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pb = PartialBackprop(model, optimizer, criterion, start_epoch=0, mask_batches=2)
    pb.begin_epoch(0)
    for value in (1.0, float("inf"), 3.0):
        optimizer.zero_grad()
        model(torch.ones(1, 3)).sum().backward()
        model.weight.grad.fill_(value)
        pb.after_backward()
        if value < float("inf"):
            optimizer.step()
    assert torch.equal(seen[0]["weight"], torch.full((2, 3), 2.0))


def test_needs_are_found_through_other_criteria():
    like = {"name": "wanda", "q": 0.5}
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for criterion in (
        {"name": "random", "like": like, "seed": 0},
        {"name": "largest", "like": like},
        {"name": "rows", "q": 0.5, "score": "wanda"},
        {"name": "n_m", "n": 1, "m": 2, "score": "wanda"},
    ):
        pb = PartialBackprop(model, optimizer, criterion, start_epoch=0)
        pb.begin_epoch(0)
        step(model, optimizer, next(iter(data(1))))
        assert 0 < pb.mask.n_frozen() < pb.mask.n_weights()
        pb.close()


def test_random_weights_are_as_many_in_each_layer():
    known = evidence()
    base = by_score(snip.score, known, q=0.5)
    drawn = random.mask(known, like={"name": "snip", "q": 0.5}, seed=1)
    assert [int(drawn[n].sum()) for n in SHAPES] == [int(base[n].sum()) for n in SHAPES]
    assert any(not torch.equal(drawn[n], base[n]) for n in SHAPES)


def test_fewer_than_one_batch_is_refused():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(UserError, match="mask_batches"):
        PartialBackprop(model, optimizer, {"name": "gradient", "q": 0.5}, mask_batches=0)
