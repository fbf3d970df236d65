"""torchvision beside any torch; each test in a process of its own, since imports stay."""

import os
import subprocess
import sys

import pytest

from partial_backprop import torchvision_compat
from partial_backprop.errors import UserError


def run(code, *folders):
    path = os.pathsep.join(map(str, folders))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_transforms_data_sets_and_models_work():
    run("""
import partial_backprop.torchvision_compat as compat
package = compat.import_torchvision()
assert compat.import_torchvision() is package

import torchvision
import torchvision.transforms.v2
from torchvision import datasets, models, transforms
assert torchvision is package
picture, _ = datasets.FakeData(1, (3, 40, 40), transform=transforms.ToTensor())[0]
assert transforms.Resize(16)(picture).shape == (3, 16, 16)
assert models.resnet18(num_classes=2)(picture[None]).shape == (1, 2)
assert bool(compat._declared) != torchvision.extension._has_ops()
""")


def test_an_import_before_ours_is_kept():
    run("""
import sys, types
sys.modules["torchvision"] = earlier = types.ModuleType("torchvision")
import partial_backprop.torchvision_compat as compat
assert compat.import_torchvision() is earlier
assert not compat._declared
""")


def test_importing_the_module_imports_no_torch():
    run("""
import sys
import partial_backprop.torchvision_compat
assert not {"torch", "torchvision"} & set(sys.modules)
""")


@pytest.fixture
def fake(tmp_path):
    """Folder with a torchvision whose two modules hold what is given."""

    def write(extension, package):
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision" / "extension.py").write_text(extension)
        (tmp_path / "torchvision" / "__init__.py").write_text(package)
        return tmp_path

    return write


def test_nothing_is_declared_beside_operators(fake):
    """Operators that are there, here declared by the fake, are not declared again."""
    extension = """
import torch
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor a) -> Tensor")
def _has_ops(): return True
"""
    folder = fake(extension, "from . import extension")
    run(
        """
import torch
import partial_backprop.torchvision_compat as compat
package = compat.import_torchvision()
assert package.extension._has_ops() and not compat._declared
assert str(torch.ops.torchvision.nms.default._schema) == "torchvision::nms(Tensor a) -> Tensor"
assert not hasattr(torch.ops.torchvision, "qnms")
""",
        folder,
    )


def test_operators_are_declared_where_they_are_missing(fake):
    package = """
import torch
from . import extension
torch.library.register_fake("torchvision::nms")(lambda *boxes: None)
torch.library.register_fake("torchvision::qnms")(lambda *boxes: None)
done = True
"""
    folder = fake("def _has_ops(): return False", package)
    run(
        """
import gc
import torch
import partial_backprop.torchvision_compat as compat
assert compat.import_torchvision().done
gc.collect()
assert torch.ops.torchvision.nms and torch.ops.torchvision.qnms
""",
        folder,
    )


def test_failed_import_leaves_nothing_behind(fake):
    folder = fake("def _has_ops(): return True", "raise OSError('broken install')")
    run(
        """
import sys
import partial_backprop.torchvision_compat as compat
try:
    compat.import_torchvision()
except OSError as error:
    assert str(error) == "broken install"
else:
    raise AssertionError("imported a broken package")
assert "torchvision" not in sys.modules
""",
        folder,
    )


def test_torchvision_is_not_installed(monkeypatch):
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(torchvision_compat.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install torchvision"):
        torchvision_compat.import_torchvision()
