"""The helper for Accelerate: the weights of a plain loop, bit for bit."""

import functools
import importlib

import pytest
import torch
from tests.integrations import plain
from torch import nn

from partial_backprop import UserError


@pytest.fixture(scope="module")
def runs(trainers):
    return importlib.import_module("tests.integrations.accelerate_training")


CLIP = functools.partial(nn.utils.clip_grad_norm_, max_norm=0.05)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("max_norm", [None, 0.05])
def test_it_trains_as_a_plain_loop(runs, compact, accumulate, max_norm):
    options = {**plain.OPTIONS, "compact": compact}
    parts = runs.start(options, gradient_accumulation_steps=accumulate)
    runs.train(*parts, range(4), max_norm)
    how = {"clip": CLIP} if max_norm else {}
    expected = plain.trained(options=options, accumulate=accumulate, **how)
    plain.assert_same(*expected, parts[1], parts[-1])


def test_bfloat16(runs):
    parts = runs.start(mixed_precision="bf16")
    runs.train(*parts, range(4))
    autocast = functools.partial(torch.autocast, "cpu", dtype=torch.bfloat16)
    plain.assert_same(*plain.trained(autocast=autocast), parts[1], parts[-1])


@pytest.mark.parametrize("compact", [False, True])
def test_a_run_resumes_from_accelerates_own_checkpoint(runs, tmp_path, compact):
    options = {**plain.OPTIONS, "compact": compact}
    parts = runs.start(options)
    runs.train(*parts, range(2))
    parts[0].save_state(tmp_path)
    resumed = runs.start(options, seed=1)
    resumed[0].load_state(tmp_path)
    runs.train(*resumed, range(2, 4))
    plain.assert_same(*plain.trained(options=options), resumed[1], resumed[-1])


def test_lbfgs_is_refused_by_name(runs):
    with pytest.raises(UserError, match="LBFGS"):
        runs.start(build=lambda model: torch.optim.LBFGS(model.parameters()))
