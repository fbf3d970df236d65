"""What the benchmark of the training loop measures where."""

import pytest
import torch
from benchmarks.ways import Place

from benchmarks import loop, ways
from partial_backprop.training.precision import Bf16Instructions


@pytest.mark.parametrize("has_bf16", [False, True])
def test_our_loop_is_measured_in_bfloat16_where_the_device_multiplies_in_it(monkeypatch, has_bf16):
    monkeypatch.setitem(loop.CASES, "lenet5", loop.CASES["lenet5"]._replace(n_batches=1))
    monkeypatch.setattr(ways, "bf16_instructions", lambda: Bf16Instructions(False, has_bf16))
    found = loop.measure("lenet5", Place(torch.device("cpu"), threads=1, quick=True))
    names = ["lenet5", "lenet5_not_counting"] + ["lenet5_bf16"] * has_bf16 + ["lenet5_limit"]
    assert [one.name for one in found] == names
    aims = [one.goal.value if one.goal else None for one in found]
    assert aims == [loop.CASES["lenet5"].goal] + [None] * (len(names) - 1)
    assert all(len(one.parts) == 2 and one.value.median > 0 for one in found[:-1])
    assert 0 < found[-1].value.median < 1


@pytest.mark.parametrize(
    ("amx", "avx512", "goals"),
    [
        (True, True, [5.0, 4.0, 4.0, None]),
        (False, True, [2.5, 2.5, 2.5, None]),
        (False, False, [None] * 4),
        (None, None, [None] * 4),
    ],
)
def test_what_is_asked_of_bfloat16_depends_on_the_processor(amx, avx512, goals):
    found = Bf16Instructions(amx, avx512)
    assert [loop.bf16_goal(case, found) for case in loop.CASES.values()] == goals


def test_a_step_is_the_forward_pass_and_both_gradients():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(36, 5)
    )
    first, second = 9 * 4 * 27, 36 * 5  # multiplications
    assert loop.step_operations(model, (3, 5, 5)) == 2 * (2 * first + 3 * second)
