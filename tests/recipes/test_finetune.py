"""Public weights fine-tuned: what trains, what stays, and what the record says of it."""

import dataclasses

import pytest
import torch
from tests.runs import CPU, run

from partial_backprop import apply_delta, registry
from partial_backprop.captioning import published
from partial_backprop.experiments.finetuning import results as finetuning
from partial_backprop.experiments.finetuning import run_finetune as finetune
from partial_backprop.recipes.job import Job

NETWORK = "efficientnet_lite0"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file in the place of the public one, with a head of other classes."""
    torch.manual_seed(5)
    model = registry.load("networks", NETWORK)((3, 32, 32), 7)
    path = tmp_path_factory.mktemp("weights") / "public.pth"
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture
def public(monkeypatch, weights):
    own = dataclasses.replace(
        published.PUBLISHED[NETWORK], sha256=published.sha256(weights), find=lambda _: weights
    )
    monkeypatch.setitem(published.PUBLISHED, NETWORK, own)
    return own


@pytest.mark.parametrize("arm", ["fb", "pb", "head"])
def test_what_trains_and_what_is_kept(lab, tmp_path, arm, public, weights):
    record = run(lab.resolved("finetune", arm), tmp_path)
    found = finetuning.of(record)
    before, after = torch.load(weights), torch.load(tmp_path / "weights.pt")
    body = [name for name in before if not name.startswith("_fc.")]
    n_moved = sum(int((before[name] != after[name]).sum()) for name in body)
    n_head = 1280 * 10 + 10
    n_body = found.n_weights - n_head
    assert found.weights == public.file
    assert all(torch.equal(before[n], after[n]) for n in body if "running" in n)
    if arm == "fb":
        # Images of 32 pixels leave maps of one: of their kernels only the middle has gradients.
        assert n_moved > 0.5 * n_body
        assert found.n_active == found.n_weights
        assert found.delta_is_exact is None
        assert not (tmp_path / "delta.safetensors").exists()
    else:
        n_active = round((0.05 if arm == "pb" else 0) * n_body)
        assert abs(found.n_active - n_head - n_active) <= 1
        assert n_moved <= n_active
        assert (n_moved > 0) == (arm == "pb")
        assert found.delta_is_exact
        assert found.n_file_bytes == (tmp_path / "delta.safetensors").stat().st_size
        model = registry.load("networks", NETWORK)((3, 32, 32), 10)
        model.load_state_dict(before | {n: after[n] * 0 for n in after if n.startswith("_fc.")})
        apply_delta(model, tmp_path / "delta.safetensors")
        assert all(torch.equal(value, after[n]) for n, value in model.state_dict().items())
    # Two numbers of four bytes an active weight, and a count of steps for each parameter.
    n_tensors = len([n for n in after if "running" not in n and "tracked" not in n])
    assert 8 * found.n_active <= found.n_state_bytes <= 8 * found.n_active + 8 * n_tensors


def test_images_are_scaled_and_normalised_as_the_weights_want(lab, public):
    context = finetune.build_context(
        lab.resolved("finetune", "wide"), Job(lab.folder, lab.folder, CPU)
    )
    part = finetune._part(context.splits.test, public, 64)
    assert part.images.shape == (20, 3, 64, 64)
    images, _ = part.batch(slice(0, 20))
    torch.testing.assert_close(images, (part.images.float() - 127) / 128)
    close = part.images.float().mean() - context.splits.test.images.float().mean()
    assert abs(float(close)) < 1
