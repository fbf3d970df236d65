"""DessiLBI against its equations, its limits, and a linearized Bregman iteration of another kind."""

import copy
import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from partial_backprop.optim.by_output import by_output_axis
from partial_backprop.optim.dessilbi import DessiLBI
from partial_backprop.optim.prox import axes_within, group_norms, shrink

SHAPES = {"filters": (4, 2, 3, 3), "linear": (3, 5), "bias": (4,)}
OPTIONS = {"kappa": 1.5, "nu": 3.0, "lam": 0.4, "momentum": 0.9, "weight_decay": 0.01}


class Reference:
    """The equations of METHODS E in numpy, for one tensor."""

    def __init__(self, w, groups, *, kappa, nu, lam, momentum, weight_decay):
        self.w = np.array(w, dtype=np.float64)
        self.v, self.gamma, self.m = (np.zeros_like(self.w) for _ in range(3))
        self.groups = groups
        self.kappa, self.nu, self.lam = kappa, nu, lam
        self.momentum, self.decay = momentum, weight_decay

    def step(self, gradient, alpha):
        w, gamma = self.w.copy(), self.gamma.copy()
        if self.groups is None:
            self.m = self.momentum * self.m + gradient
            self.w = w - self.kappa * alpha * self.m
            return
        self.m = self.momentum * self.m + gradient + self.decay * w
        self.w = w - self.kappa * alpha * (self.m + (w - gamma) / self.nu)
        self.v = self.v - alpha / self.nu * (gamma - w)
        self.gamma = self.kappa * self.prox()

    def prox(self):
        if self.groups == "elements":
            return np.sign(self.v) * np.maximum(np.abs(self.v) - self.lam, 0)
        found = np.zeros_like(self.v)
        for unit, values in enumerate(self.v):
            length = np.linalg.norm(values)
            found[unit] = values * max(0, 1 - self.lam / length) if length else 0
        return found


def tensors(seed=0, dtype=torch.float64):
    """Parameters whose units differ in length, so that some enter and some do not."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in SHAPES.items():
        lengths = np.geomspace(0.02, 1, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        made[name] = nn.Parameter(torch.from_numpy(lengths * rng.normal(size=shape)).to(dtype))
    return made


def gradients(parameters, rng):
    for parameter in parameters.values():
        values = 0.05 * rng.normal(size=parameter.shape) * parameter.detach().numpy()
        parameter.grad = torch.from_numpy(values).to(parameter.dtype)


@pytest.mark.parametrize("linear_groups", ["elements", "rows"])
@pytest.mark.parametrize("n_steps", [1, 50])
def test_steps_are_the_equations(linear_groups, n_steps):
    parameters = tensors()
    optimizer = DessiLBI(parameters.values(), 0.1, linear_groups=linear_groups, **OPTIONS)
    kinds = {"filters": "filters", "linear": linear_groups, "bias": None}
    references = {
        name: Reference(one.detach().numpy(), kinds[name], **OPTIONS)
        for name, one in parameters.items()
    }
    rng = np.random.default_rng(1)
    for number in range(n_steps):
        alpha = 0.1 if number < 30 else 0.02  # a schedule lowers it
        optimizer.param_groups[0]["lr"] = alpha
        gradients(parameters, rng)
        for name, reference in references.items():
            reference.step(parameters[name].grad.numpy(), alpha)
        optimizer.step()
    for name, reference in references.items():
        state = optimizer.state[parameters[name]]
        np.testing.assert_allclose(
            parameters[name].detach().numpy(), reference.w, rtol=1e-11, atol=1e-15
        )
        if name != "bias":
            np.testing.assert_allclose(state["v"].numpy(), reference.v, rtol=1e-11, atol=1e-15)
            np.testing.assert_allclose(state["gamma"].numpy(), reference.gamma, atol=1e-12)
    if n_steps == 50:
        shares = [
            optimizer.support()[parameters[name]].double().mean() for name in kinds if kinds[name]
        ]
        assert all(0 < share < 1 for share in shares), "a comparison worth making"


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_without_coupling_it_is_sgd_at_the_rate_kappa_alpha(momentum):
    ours, theirs = tensors(), tensors()
    lbi = DessiLBI(
        ours.values(), 0.05, kappa=2.0, nu=math.inf, momentum=momentum, weight_decay=0.01
    )
    sgd = torch.optim.SGD(
        [
            {"params": [theirs["filters"], theirs["linear"]], "weight_decay": 0.01},
            {"params": [theirs["bias"]]},
        ],
        0.1,
        momentum=momentum,
    )
    for parameters, optimizer in ((ours, lbi), (theirs, sgd)):
        rng = np.random.default_rng(1)
        for _ in range(20):
            gradients(parameters, rng)
            optimizer.step()
    for name in SHAPES:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-12, atol=1e-14)


def test_a_group_enters_when_its_integral_is_longer_than_lambda():
    """With κα/ν = 0 and no gradient W stays, V is the time times W, and all is known by hand."""
    weight = nn.Parameter(torch.tensor([[0.5, -0.25], [0.0, 2.0]], dtype=torch.float64))
    optimizer = DessiLBI([weight], 0.1, kappa=1e-12, nu=2.0, lam=0.1)
    for _ in range(9):
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
    # ‖V‖ = n α |w| / ν > λ from n = 0.1 · 2 / (0.1 |w|) = 2 / |w| on, and after that one.
    assert optimizer.order()[weight].tolist() == [[5, 9], [math.inf, 2]]
    assert optimizer.support()[weight].tolist() == [[True, True], [False, True]]


def lasso_path_order(x, y, n_steps, alpha, kappa):
    """Linearized Bregman iteration (Yin et al., 2008) on ‖y − Xw‖²/(2n), its order of entry."""
    z, w, entered = np.zeros(x.shape[1]), np.zeros(x.shape[1]), {}
    for step in range(1, n_steps + 1):
        z += alpha * x.T @ (y - x @ w) / len(y)
        w = kappa * np.sign(z) * np.maximum(np.abs(z) - 1, 0)
        for feature in np.flatnonzero(w):
            entered.setdefault(int(feature), step)
    return entered


def test_on_least_squares_features_enter_in_the_order_of_linearized_bregman_iteration():
    rng = np.random.default_rng(3)
    x, _ = np.linalg.qr(rng.normal(size=(60, 6)))
    x *= np.sqrt(60)  # XᵀX/n = 1: the path is known, and there are no ties
    truth = np.array([3.0, -2.0, 1.4, 1.0, 0.6, 0.0])
    y = x @ truth + 0.01 * rng.normal(size=60)
    expected = lasso_path_order(x, y, 4000, 0.01, 10.0)
    weight = nn.Parameter(torch.zeros(1, 6, dtype=torch.float64))
    # The smaller ν, the closer W follows Γ; κα(1 + 1/ν) must stay below 2.
    optimizer = DessiLBI([weight], 0.001, kappa=10.0, nu=0.05, lam=1.0)
    inputs, wanted = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(4000):
        optimizer.zero_grad()
        ((inputs @ weight[0] - wanted) ** 2).mean().mul(0.5).backward()
        optimizer.step()
    steps = optimizer.order()[weight][0].tolist()
    found = sorted(
        (feature for feature in range(6) if steps[feature] < math.inf), key=steps.__getitem__
    )
    ours = [feature for feature in found if feature in expected]
    assert len(ours) >= 4, "a path of some length"
    assert ours == sorted(ours, key=expected.__getitem__) == list(range(len(ours)))


@given(
    seed=st.integers(0, 1000),
    kappa=st.floats(0.1, 10),
    nu=st.floats(0.5, 100),
    lam=st.floats(0, 2),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    linear_groups=st.sampled_from(["elements", "rows"]),
)
def test_gamma_is_kappa_times_the_shortened_v_at_every_step(
    seed, kappa, nu, lam, momentum, linear_groups
):
    parameters = tensors(seed)
    options = {"kappa": kappa, "nu": nu, "lam": lam, "momentum": momentum}
    optimizer = DessiLBI(parameters.values(), 0.05, linear_groups=linear_groups, **options)
    rng = np.random.default_rng(seed)
    inside_since = {}
    for step in range(1, 8):
        gradients(parameters, rng)
        optimizer.step()
        support, order = optimizer.support(), optimizer.order()
        for weight in support:
            state, axes = optimizer.state[weight], axes_within(weight, linear_groups)
            assert torch.equal(state["gamma"], shrink(state["v"], lam, axes)[0] * kappa)
            assert torch.equal(support[weight], group_norms(state["v"], axes) > lam)
            assert torch.equal(support[weight], optimizer.gamma_norms()[weight] > 0)
            seen = inside_since.setdefault(weight, torch.full_like(order[weight], math.inf))
            seen[support[weight] & seen.isinf()] = step
            assert torch.equal(order[weight], seen)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_saved_state_comes_back_exactly_and_goes_on(dtype):
    first, second = tensors(dtype=dtype), tensors(dtype=dtype)
    straight = DessiLBI(first.values(), 0.1, **OPTIONS)
    rng = np.random.default_rng(0)
    for _ in range(15):
        gradients(first, rng)
        straight.step()
    file = io.BytesIO()
    torch.save(straight.state_dict(), file)
    file.seek(0)
    resumed = DessiLBI(second.values(), 0.5)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    with torch.no_grad():
        for name in SHAPES:
            second[name].copy_(first[name])
    assert_same(straight.state_dict(), resumed.state_dict())
    for parameters, optimizer in ((first, straight), (second, resumed)):
        rng = np.random.default_rng(7)
        for _ in range(5):
            gradients(parameters, rng)
            optimizer.step()
    assert_same(straight.state_dict(), resumed.state_dict())
    assert all(torch.equal(first[name], second[name]) for name in SHAPES)


def assert_same(one, other):
    assert one["param_groups"] == other["param_groups"]
    assert one["state"].keys() == other["state"].keys()
    for key, state in one["state"].items():
        assert state.keys() == other["state"][key].keys()
        for name, tensor in state.items():
            assert tensor.dtype == other["state"][key][name].dtype
            assert torch.equal(tensor, other["state"][key][name])


def test_the_sparse_model_lasts_as_long_as_its_context():
    parameters = tensors()
    optimizer = DessiLBI(parameters.values(), 0.1, **OPTIONS)
    rng = np.random.default_rng(0)
    for _ in range(40):
        gradients(parameters, rng)
        optimizer.step()
    before = {name: one.detach().clone() for name, one in parameters.items()}
    state = copy.deepcopy(optimizer.state_dict())
    with optimizer.sparse_model():
        support = optimizer.support()
        for name in ("filters", "linear"):
            mask = support[parameters[name]]
            assert 0 < int(mask.sum()) < mask.numel()
            assert torch.equal(parameters[name], before[name] * mask)
        assert torch.equal(parameters["bias"], before["bias"])
    assert all(torch.equal(parameters[name], before[name]) for name in SHAPES)
    assert_same(state, optimizer.state_dict())


def test_an_error_inside_the_context_brings_the_weights_back():
    weight = nn.Parameter(torch.ones(2, 2))

    def fail():
        with DessiLBI([weight]).sparse_model():
            assert not weight.any()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert weight.all()


def test_before_the_first_step_nothing_is_inside():
    parameters = tensors()
    optimizer = DessiLBI(parameters.values())
    assert list(optimizer.support()) == [parameters["filters"], parameters["linear"]]
    assert not any(mask.any() for mask in optimizer.support().values())
    assert all(order.isinf().all() for order in optimizer.order().values())
    assert optimizer.support()[parameters["filters"]].shape == (4, 1, 1, 1)


def test_parameters_without_a_gradient_stay():
    parameters = tensors()
    optimizer = DessiLBI(parameters.values(), 0.1)
    before = parameters["filters"].detach().clone()
    parameters["linear"].grad = torch.ones_like(parameters["linear"])
    assert optimizer.step(lambda: torch.tensor(3.0)) == 3
    assert torch.equal(parameters["filters"], before)
    assert not optimizer.state[parameters["filters"]]["v"].any()


def test_groups_of_parameters_may_have_options_of_their_own():
    first, second = (nn.Parameter(torch.ones(2, 2)) for _ in range(2))
    optimizer = DessiLBI([{"params": [first], "lam": 0.0}, {"params": [second]}], 0.1, nu=1.0)
    for weight in (first, second):
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    assert optimizer.support()[first].all()
    assert not optimizer.support()[second].any()


def test_memory_format_does_not_change_the_path():
    plain = nn.Parameter(
        torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    )
    last = nn.Parameter(plain.detach().clone().contiguous(memory_format=torch.channels_last))
    optimizers = [DessiLBI([one], 0.1, nu=1.0, lam=0.5) for one in (plain, last)]
    for _ in range(5):
        for one, optimizer in zip((plain, last), optimizers, strict=True):
            one.grad = one.detach().square()
            optimizer.step()
    torch.testing.assert_close(plain, last)
    assert torch.equal(
        *(optimizer.order()[one] for one, optimizer in zip((plain, last), optimizers, strict=True))
    )
    assert optimizers[1].state[last]["gamma"].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kappa": 0.0}, "kappa"),
        ({"nu": -1.0}, "nu must be greater than 0"),
        ({"nu": math.nan}, "nu must be greater than 0"),
        ({"lam": -0.1}, "lam"),
        ({"lr": -0.1}, "lr must be 0 or more"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"momentum": 1.0}, "momentum"),
        ({"linear_groups": "columns"}, "linear_groups.*elements"),
        ({"nesterov": True}, "nesterov needs a momentum"),
        ({"output_axis": 2}, "output_axis"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        DessiLBI(tensors().values(), **options)


def test_nesterov_and_decay_of_all_are_those_of_sgd():
    ours, theirs = tensors(), tensors()
    options = {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True}
    lbi = DessiLBI(ours.values(), 0.05, nu=math.inf, decay_all=True, **options)
    sgd = torch.optim.SGD(theirs.values(), 0.05, **options)
    for parameters, optimizer in ((ours, lbi), (theirs, sgd)):
        rng = np.random.default_rng(1)
        for _ in range(20):
            gradients(parameters, rng)
            optimizer.step()
    for name in SHAPES:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-12, atol=1e-14)


def test_the_scaled_norm_is_a_longer_lambda_for_larger_groups():
    """METHODS E: ‖V_g‖/√|g| in the place of ‖V_g‖; single weights stay as they are."""
    options = OPTIONS | {"lam": 0.05}
    one, other = tensors(), tensors()
    scaled = DessiLBI(one.values(), 0.1, scaled_norm=True, **options)
    root = math.sqrt(2 * 3 * 3)
    by_hand = DessiLBI(
        [
            {"params": [other["filters"]], "lam": 0.05 * root},
            {"params": [other["linear"], other["bias"]]},
        ],
        0.1,
        **options,
    )
    for parameters, optimizer in ((one, scaled), (other, by_hand)):
        rng = np.random.default_rng(1)
        for _ in range(40):
            gradients(parameters, rng)
            optimizer.step()
    for name in SHAPES:
        torch.testing.assert_close(one[name], other[name], rtol=1e-12, atol=1e-14)
    inside = scaled.support()[one["filters"]]
    assert torch.equal(inside, by_hand.support()[other["filters"]])
    assert 0 < int(inside.sum()) < len(inside)
    v = scaled.state[one["filters"]]["v"].flatten(1)
    assert torch.equal(v.square().mean(1).sqrt() > 0.05, inside.flatten())


def test_filters_of_a_transposed_convolution_lie_along_its_second_axis():
    torch.manual_seed(0)
    model = nn.Sequential(nn.ConvTranspose2d(3, 5, 3), nn.Conv1d(5, 4, 2), nn.Linear(4, 4))
    model.append(nn.ConvTranspose1d(6, 6, 3, groups=6))
    optimizer = DessiLBI(by_output_axis(model))
    shapes = [tuple(mask.shape) for mask in optimizer.support().values()]
    assert shapes == [(4, 1, 1), (4, 4), (6, 1, 1), (1, 5, 1, 1)]
    weight = model[0].weight
    with torch.no_grad():
        weight[:, 2] = 0
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer = DessiLBI(by_output_axis(model), 0.1, nu=1.0, lam=1e-6)
    optimizer.step()
    assert optimizer.support()[weight].flatten().tolist() == [True, True, False, True, True]
    assert len(by_output_axis(nn.Linear(2, 2))) == 1
    with pytest.raises(ValueError, match="0: a transposed"):
        by_output_axis(nn.Sequential(nn.ConvTranspose2d(4, 4, 3, groups=2)))
    with pytest.raises(ValueError, match="computed"):
        by_output_axis(nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))))


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 2, 2)])
def test_complex_weights_are_ranked_by_their_length(shape):
    draw = torch.Generator().manual_seed(0)
    weight = nn.Parameter(torch.randn(shape, dtype=torch.complex128, generator=draw))
    optimizer = DessiLBI([weight], 0.1, nu=1.0, lam=0.3, momentum=0.9, weight_decay=0.01)
    for _ in range(6):
        weight.grad = 0.1 * weight.detach()
        optimizer.step()
    v = optimizer.state[weight]["v"]
    lengths = v.abs() if len(shape) == 2 else v.abs().square().sum((1, 2, 3), keepdim=True).sqrt()
    assert torch.equal(optimizer.support()[weight], lengths > 0.3)
    assert 0 < int(optimizer.support()[weight].sum()) <= lengths.numel()
    torch.testing.assert_close(
        optimizer.state[weight]["gamma"], v * (1 - 0.3 / lengths).clamp_min(0)
    )


def test_a_bias_without_axes_descends():
    bias = nn.Parameter(torch.tensor(1.0))
    optimizer = DessiLBI([bias], 0.1)
    bias.grad = torch.tensor(2.0)
    optimizer.step()
    assert not optimizer.support()
    assert bias.item() == pytest.approx(0.8)


@pytest.mark.parametrize("how", ["requires_grad", "unused"])
def test_a_convolution_that_is_frozen_by_hand_stays_in_the_sparse_model(how):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(12, 2))
    model[0].weight.requires_grad_(how == "unused")
    optimizer = DessiLBI(model.parameters(), 0.1, nu=1.0, lam=0.05)
    frozen = model[0].weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        with torch.set_grad_enabled(how == "requires_grad"):
            features = model[:2](torch.randn(4, 1, 4, 4))
        model[2](features).square().mean().backward()
        optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.load_state_dict(state)
    with optimizer.sparse_model():
        assert torch.equal(model[0].weight, frozen)
        assert 0 < int((model[2].weight == 0).sum()) < 24
    assert optimizer.order()[model[0].weight].isinf().all()


def test_a_state_of_before_the_options_is_read():
    parameters = tensors()
    optimizer = DessiLBI(parameters.values(), 0.1, **OPTIONS)
    gradients(parameters, np.random.default_rng(0))
    optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    for name in ("scaled_norm", "nesterov", "decay_all", "output_axis"):
        del state["param_groups"][0][name]
    for one in state["state"].values():
        one.pop("step", None)
    optimizer.load_state_dict(state)
    optimizer.step()
    assert set(optimizer.support()) == {parameters["filters"], parameters["linear"]}
