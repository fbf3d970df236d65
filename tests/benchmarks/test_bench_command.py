"""What a benchmark finds is written at once, and printed with its goal."""

import pytest
from tests import fake_performance

from benchmarks import __main__ as everything
from benchmarks import command, machine
from partial_backprop import performance


def test_each_finding_is_on_disk_when_it_is_there(tmp_path, capsys):
    benchmark = command.Benchmark("loop", quick=True, folder=tmp_path, threads=3)
    benchmark.on(3)
    first, second = fake_performance.found()[2].quantities
    path = tmp_path / "loop.json"
    benchmark.add([first])
    assert performance.read([path])[0].quantities == (first,)
    benchmark.add([second, *fake_performance.found()[0].curves])
    (found,) = performance.read([path])
    assert found.quantities == (first, second)
    assert found.curves == fake_performance.found()[0].curves
    assert found.quick
    assert found.command == "python -m benchmarks.loop --quick --threads 3"
    assert found.machine.threads == 3
    assert capsys.readouterr().out.count("\n") == 6


def test_a_line_tells_the_goal():
    missed, met = fake_performance.found()[2].quantities
    assert command.line(missed).endswith("goal at least 1: MISSED")
    assert command.line(met).endswith("goal at least 1: met")
    (memory,) = fake_performance.found()[1].quantities
    assert "goal" not in command.line(memory)
    assert "172 MiB" in command.line(memory)
    assert "10,000: 0.2 s by weights" in command.line(fake_performance.found()[0].curves[1])


def test_the_machine_is_described():
    found = machine.describe(2)
    assert found.packages.keys() >= {"torch", "numpy"}
    assert found.device
    assert found.n_cores == machine.n_cores() >= 1
    assert machine.describe(1, "accelerator").device == "accelerator"


def test_an_unknown_benchmark_is_told(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", "nosuch"])
    with pytest.raises(SystemExit):
        everything.main()
    assert "there is no benchmark nosuch: choose of loop" in capsys.readouterr().err


def test_all_are_run_and_all_files_are_shown(monkeypatch, tmp_path, capsys):
    started = []

    class Done:
        returncode = 0

    def run(words):
        started.append(words[2])
        return Done

    monkeypatch.setattr(everything.subprocess, "run", run)
    monkeypatch.setattr("sys.argv", ["benchmarks", "kde", "growth", "--out", str(tmp_path)])
    performance.write(fake_performance.found()[1], tmp_path)
    assert everything.main() == 0
    assert started == ["benchmarks.kde", "benchmarks.growth"]
    assert "Memory" in capsys.readouterr().out
