"""The kernels are built once, whole or not at all, and nothing depends on them but speed."""

import os
import subprocess
import sys

import pytest

PROGRAM = "from partial_backprop.layers import kernels; print(kernels.library() is not None)"


def run(environment, count=1):
    command = [sys.executable, "-c", PROGRAM]
    started = [
        subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    return [process.communicate()[0].strip() for process in started]


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
