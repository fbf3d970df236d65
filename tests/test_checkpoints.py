"""Checkpoints that nobody will read again can be removed, and only those."""

import pytest
from tests import fakes

from partial_backprop import checkpoints, cli, config, stamps, standings

RUN = ("lenet5_mnist", "pb", 0)


@pytest.fixture
def project(tmp_path):
    """Every arm of one seed of LeNet-5 done, another seed begun, and checkpoints of both."""
    folder = fakes.write_config(tmp_path, seeds=(0, 1))
    for arm in fakes.ARMS:
        fakes.write_run(tmp_path, folder, "lenet5_mnist", arm, 0)
    stands = standings_of(tmp_path)
    for seed in (0, 1):
        trunk = stands.product("lenet5_mnist", config.TRUNK, seed)
        trunk.parent.mkdir(parents=True, exist_ok=True)
        trunk.write_bytes(b"weights")
        stamps.write(trunk, stands.made_from("lenet5_mnist", config.TRUNK, seed), [trunk])
    sample = stands.product("lenet5_mnist", standings.GRADIENTS, 0)
    sample.write_text("{}")
    stamps.write(sample, stands.made_from("lenet5_mnist", standings.GRADIENTS, 0))
    begun = stands.root / ".checkpoints"
    begun.mkdir()
    for seed in (0, 1):
        sha256 = stands.configuration("lenet5_mnist", "pb", seed).sha256()
        (begun / f"{sha256}.pt").write_bytes(b"state")
    (begun / f"{'0' * 64}.pt").write_bytes(b"of another configuration")
    return tmp_path


def standings_of(project):
    root = project / "results" / fakes.SCALE
    return standings.Standings(fakes.SCALE, root, project / "config")


def test_those_of_unfinished_runs_are_needed_and_no_others(project):
    found = {one.path: one.needed for one in checkpoints.find(standings_of(project))}
    stands = standings_of(project)
    begun = {
        seed: stands.root / ".checkpoints" / f"{stands.configuration(*RUN[:2], seed).sha256()}.pt"
        for seed in (0, 1)
    }
    assert found[begun[1]]
    assert not found[begun[0]]
    assert not found[stands.root / ".checkpoints" / f"{'0' * 64}.pt"]
    assert found[stands.product("lenet5_mnist", config.TRUNK, 1)]
    assert not found[stands.product("lenet5_mnist", config.TRUNK, 0)]


def test_removing_them_makes_no_run_stale(project, capsys):
    where = ["--scale", fakes.SCALE, "--results", str(project / "results")]
    where += ["--config", str(project / "config")]
    before = {run.name: run.state for run in standings_of(project).runs()}
    assert cli.main(["checkpoints", *where]) == 0
    assert len(checkpoints.find(standings_of(project))) == 5
    assert cli.main(["checkpoints", *where, "--remove"]) == 0
    left = checkpoints.find(standings_of(project))
    assert len(left) == 2
    assert all(one.needed for one in left)
    assert {run.name: run.state for run in standings_of(project).runs()} == before
    assert "removed: 3 checkpoints" in capsys.readouterr().out
