"""The library does without the trainers; their packages fit the lock; the callbacks are documented."""

import os
import subprocess
import sys
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.static.test_docstrings import API, problems_of
from tests.static.test_envs import ENVS, requirements
from tests.static.test_layers import FOREIGN

BLOCKED = """
import sys
for name in ("lightning", "pytorch_lightning", "transformers", "accelerate"):
    sys.modules[name] = None  # importing it fails
import partial_backprop
import partial_backprop.freezing
import partial_backprop.integrations.accelerate
partial_backprop.PartialBackprop
"""


def test_the_library_does_without_the_trainers():
    subprocess.run([sys.executable, "-c", BLOCKED], check=True)


def test_all_that_the_trainers_need_is_pinned(trainers):
    """By the lock or beside it, at a version that suits."""
    beside = requirements(ENVS / "trainers.txt")
    pinned = {**requirements(ENVS / "requirements.lock"), **beside}
    for name, pin in beside.items():
        assert metadata.version(name) in pin.specifier
        for needed in map(Requirement, metadata.requires(name) or []):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                (one,) = pinned[canonicalize_name(needed.name)].specifier
                assert needed.specifier.contains(one.version, prereleases=True), (name, needed)


@pytest.mark.parametrize("module", sorted(FOREIGN))
def test_callbacks_are_documented(trainers, module):
    """The class; the trainer's own documentation explains the hooks."""
    name = f"{module}.PartialBackpropCallback"
    assert name in API
    assert not problems_of([name])


UNDER_ITS_OLDER_NAME = """
import sys
sys.modules["lightning"] = None  # as where only pytorch-lightning is installed
from partial_backprop.torchvision_compat import import_torchvision
import_torchvision()
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.demos.boring_classes import BoringModel
from partial_backprop.integrations.lightning import PartialBackpropCallback

freeze = PartialBackpropCallback({"name": "quantile", "q": 0.5}, start_epoch=0)
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
Trainer(max_epochs=1, limit_train_batches=2, limit_val_batches=0, accelerator="cpu",
        callbacks=[freeze], **quiet).fit(BoringModel())
assert freeze.pb.report().total("n_mask_zeros") == 33
"""


def test_lightning_works_under_its_older_name(trainers):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", UNDER_ITS_OLDER_NAME], env=env, check=True)
