"""The kernels are built once, whole or not at all, and nothing depends on them but speed."""

import os
import subprocess
import sys

import pytest
import torch

from partial_backprop import registry

PROGRAM = "from partial_backprop.layers import kernels; print(kernels.library() is not None)"


def run(environment, count=1):
    command = [sys.executable, "-c", PROGRAM]
    started = [
        subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    return [process.communicate()[0].strip() for process in started]


@pytest.mark.slow
def test_processes_that_start_together_build_one_file(tmp_path):
    assert run({"XDG_CACHE_HOME": str(tmp_path)}, count=2) == ["True"] * 2
    assert len(list((tmp_path / "partial_backprop").iterdir())) == 1


@pytest.mark.parametrize(
    "environment",
    [{"CC": "no-such-compiler"}, {"CC": "false"}, {"PARTIAL_BACKPROP_KERNELS": "0"}],
)
def test_without_a_compiler_there_are_none(environment, tmp_path):
    assert run({"XDG_CACHE_HOME": str(tmp_path), **environment}) == ["False"]


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    assert run({"XDG_CACHE_HOME": str(tmp_path / "file")}) == ["True"]


def test_torchs_transformations_see_torchs_own_layers():
    model = registry.load("networks", "vgg19")((3, 32, 32), 10, width=0.5).eval()
    parameters = dict(model.named_parameters())
    images, labels = torch.randn(2, 3, 32, 32), torch.tensor([1, 2])

    def loss(parameters, image, label):
        logits = torch.func.functional_call(model, parameters, (image[None],))
        return torch.nn.functional.cross_entropy(logits, label[None])

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, images, labels)
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    for name, parameter in parameters.items():
        scale = float(parameter.grad.abs().max())
        torch.testing.assert_close(
            each[name].mean(0), parameter.grad, rtol=1e-3, atol=1e-4 * scale + 1e-7
        )


def test_tensors_without_memory_go_to_torch():
    with torch._subclasses.FakeTensorMode():
        model = registry.load("networks", "resnet20")((3, 32, 32), 10, width=2.0)
        images = torch.empty(2, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        assert model(images).shape == (2, 10)
