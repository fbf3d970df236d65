"""What the benchmark beside PEFT measures is what it says."""

import sys
import types

import pytest
import torch

from benchmarks import adapters

N_LINEAR = 2 * (4 * 16 * 16 + 2 * 16 * 64)
N_LORA = 2 * adapters.RANK * (4 * 32 + 2 * 80)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    path = tmp_path_factory.mktemp("base") / "base.pt"
    adapters.pretrain(path, width=16, depth=2, n_steps=2)
    return path


def test_a_mask_trains_as_many_linear_weights_as_lora_has(base):
    tuning = adapters.Tuning("pb_magnitude", base, 1e-3)
    before = {name: p.detach().clone() for name, p in tuning.model.named_parameters()}
    for _ in range(3):
        tuning.step()
    moved = {name: int((p != before[name]).sum()) for name, p in tuning.model.named_parameters()}
    mask = tuning.pb.mask
    n_active = mask.n_weights() - mask.n_frozen()
    assert mask.n_weights() == N_LINEAR
    assert abs(n_active - N_LORA) <= 6  # rounded in each of twelve layers
    assert 0.9 * n_active < sum(moved.values()) <= n_active
    assert {name for name, n in moved.items() if n} <= set(mask)
    for name, active in mask.items():
        size = before[name].abs()
        assert size[active].min() >= size[~active].max()
    # Two numbers and a place for each, the blocks' starts, and the counts of steps.
    assert 10 * n_active <= tuning.state_bytes() <= 10 * n_active + 12 * 16


@pytest.mark.parametrize("way", ["full", "pb_gradient"])
def test_one_process_measures_loss_and_sizes(base, way):
    found = adapters.in_a_process(way, base, 1e-3, 4)
    n_all = sum(p.numel() for p in adapters.Transformer(16, 2).parameters())
    assert 0 < found.loss < 10
    assert found.peak_mib > 0
    assert (found.n_trained == n_all) == (way == "full")
    assert (found.file_bytes > 4 * n_all) == (way == "full")
    assert (found.state_bytes >= 8 * n_all) == (way == "full")


def test_batches_follow_their_rule():
    tokens = adapters.batch("tuned", 0)
    factor, more = adapters.RULES["tuned"]
    follows = tokens[:, 1:] == (factor * tokens[:, :-1] + more) % adapters.N_TOKENS
    assert 0.8 < float(follows.float().mean()) < 0.97
    assert torch.equal(tokens, adapters.batch("tuned", 0))
    assert not torch.equal(tokens, adapters.batch("tuned", 1))
    assert not torch.equal(tokens, adapters.batch("base", 0))


def test_what_peft_lacks_is_not_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    assert adapters.missing("lora")
    assert not adapters.missing("pb_gradient")
    monkeypatch.setitem(
        sys.modules, "peft", types.SimpleNamespace(__version__="0", LoraConfig=object)
    )
    assert not adapters.missing("lora")
    assert adapters.missing("super")
