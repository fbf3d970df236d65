"""Without torch's compiler a process starts sooner and computes the same numbers."""

import contextlib
import gc
import hashlib
import subprocess
import sys

import pytest
import torch

from partial_backprop.run_config import OptimizerConfig
from partial_backprop.startup import imported, importing
from partial_backprop.training import optimizers

NAMES = ("amsgrad", "adam", "adamw", "sgd")


def trained(name: str) -> str:
    """Digest of weights and state after some steps, one of them after a state was loaded."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(7, 5)), torch.nn.Parameter(torch.randn(5))]
    config = OptimizerConfig(name=name, momentum=0.9, weight_decay=0.01)
    optimizer = optimizers.build(weights, config)
    steps = []
    optimizer.register_step_pre_hook(lambda *_: steps.append("before"))
    optimizer.register_step_post_hook(lambda *_: steps.append("after"))
    for _ in range(3):
        optimizer.zero_grad()
        (torch.randn(3, 7) @ weights[0] + weights[1]).square().sum().backward()
        optimizer.step()
        assert torch.is_grad_enabled()
        optimizer.load_state_dict(optimizer.state_dict())
    assert steps == ["before", "after"] * 3
    kept = [*weights, *(t for s in optimizer.state.values() for t in s.values())]
    content = b"".join(tensor.detach().numpy().tobytes() for tensor in kept)
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """In a process of its own: digests, with the compiler left out."""
    from partial_backprop.startup import without_compiler

    assert without_compiler() > 0
    assert without_compiler() == 0
    for name in NAMES:
        print(trained(name))
    assert "torch._dynamo" not in sys.modules


@pytest.mark.slow
def test_the_same_numbers_without_the_compiler(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-B", __file__], cwd=tmp_path, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == [trained(name) for name in NAMES]


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    ["lenet5_mnist trunk", "sparsification full", "filter_pruning plain", "dessilbi_lenet3 path"],
)
def test_a_training_loads_no_compiler(run, tmp_path):
    code = (
        "import sys; from partial_backprop.cli import main; status = main(sys.argv[1:]);"
        "sys.exit(status or 'torch._dynamo' in sys.modules)"
    )
    words = ["train", *run.split(), "0", "--scale", "smoke", "--out", str(tmp_path / "out")]
    finished = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr[-2000:]


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_searched_for_again_after_the_imports(enabled):
    switch = {True: gc.enable, False: gc.disable}
    switch[enabled]()
    try:
        with contextlib.suppress(ZeroDivisionError), importing():
            assert not gc.isenabled()
            imported()
            assert gc.isenabled()
            assert gc.get_freeze_count() > 0
            _ = 1 / 0
        assert gc.isenabled() == enabled
        assert gc.get_freeze_count() == 0
    finally:
        gc.enable()


def test_nothing_is_changed_where_the_compiler_is_loaded():
    import torch._dynamo

    from partial_backprop.startup import without_compiler

    before = torch.optim.Adam.step
    assert without_compiler() == 0
    assert torch.optim.Adam.step is before


if __name__ == "__main__":
    main()
