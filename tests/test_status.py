"""What is done, stale or missing is told from the files alone, and why."""

import json

import pytest
import yaml
from tests import fakes

from partial_backprop import cli, config, run_status, sources, stamps, standings, status
from partial_backprop.errors import UserError

RUN = ("lenet5_mnist", "pb", 0)
EXPERIMENTS = (*fakes.EXPERIMENTS, fakes.AS_IN_SOURCE)


@pytest.fixture
def project(tmp_path):
    """A finished run of each of two arms, among the 60 of the scale."""
    folder = fakes.write_config(tmp_path)
    for arm in ("fb", "pb"):
        fakes.write_run(tmp_path, folder, "lenet5_mnist", arm, 0)
    return tmp_path


def survey(project):
    found = status.survey(fakes.SCALE, project / "results", project / "config")
    return {(run.experiment, run.arm, run.seed): run for run in found}


def record_of(project):
    experiment, arm, seed = RUN
    runs = project / "results" / fakes.SCALE / "runs"
    return runs / experiment / arm / f"seed{seed}" / "record.json"


def change(path, **changes):
    content = json.loads(path.read_text())
    content["provenance"] |= changes
    path.write_text(json.dumps(content))


def test_every_run_of_the_scale_is_there_once(project):
    found = survey(project)
    extra = {key for key in found if key[1] in (config.TRUNK, standings.GRADIENTS)}
    # Every run needs the shared epochs of its seed, and figures a sample of each network's gradients.
    assert len(extra) == len(EXPERIMENTS) * 3 + len(fakes.EXPERIMENTS)
    found = {key: run for key, run in found.items() if key not in extra}
    assert len(found) == len(EXPERIMENTS) * len(fakes.ARMS) * 3
    done = {key for key, run in found.items() if run.state == "done"}
    assert done == {("lenet5_mnist", "fb", 0), RUN}
    assert {run.state for key, run in found.items() if key not in done} == {"missing"}


def test_a_changed_key_is_named_with_both_values(project):
    path = project / "config" / "scales" / f"{fakes.SCALE}.yaml"
    scale = yaml.safe_load(path.read_text())
    scale["experiments"]["lenet5_mnist"] = {"training": {"batch_size": 7}}
    path.write_text(yaml.safe_dump(scale))
    run = survey(project)[RUN]
    assert (run.state, run.why) == ("stale", ("training.batch_size: 100, now 7",))


def test_an_edited_module_is_named(project):
    resolved = config.resolve(fakes.SCALE, *RUN, project / "config")
    modules = sources.digests(sources.of_run(resolved))
    change(record_of(project), modules=modules)
    assert survey(project)[RUN].state == "done"
    change(record_of(project), modules=modules | {"training/loop.py": "0" * 16, "gone.py": "1"})
    run = survey(project)[RUN]
    assert run.state == "stale"
    assert set(run.why) == {"edited: training/loop.py", "edited: gone.py"}


def test_a_damaged_record_is_stale(project):
    record_of(project).write_text("{")
    assert survey(project)[RUN].why == ("its record is damaged",)


def test_a_checkpoint_tells_an_unfinished_run(project):
    resolved = config.resolve(fakes.SCALE, "lenet5_mnist", "pb", 1, project / "config")
    checkpoints = project / "results" / fakes.SCALE / ".checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / f"{resolved.sha256()}.pt").touch()
    assert survey(project)["lenet5_mnist", "pb", 1].state == "unfinished"


def benchmark(project, stem, seconds):
    path = project / "results" / fakes.SCALE / "benchmarks" / "train_arm" / f"{stem}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")


def test_times_are_those_of_the_nearest_kin(project):
    benchmark(project, "lenet5_mnist_pb_seed0", 60)
    benchmark(project, "lenet5_mnist_pb_seed1", 80)
    benchmark(project, "lenet5_mnist_fb_seed0", 10)
    found = survey(project)
    assert found[RUN].seconds == 60
    assert found["lenet5_mnist", "pb", 2].seconds == pytest.approx(70)
    assert found["lenet5_mnist", "pb_otsu", 0].seconds == pytest.approx(50)
    assert found["vgg19_cifar10", "pb", 0].seconds is None


def test_a_damaged_benchmark_is_no_estimate(project):
    benchmark(project, "lenet5_mnist_pb_seed0", "soon")
    assert survey(project)[RUN].seconds is None


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ((), "Every run is done."),
        ((None,), "1 run is left; nothing like it has run yet, so the time is not known"),
        ((600.0, 600.0), "2 runs are left: about 10 min on 2 cores, by past times"),
        (
            (600.0, None),
            "2 runs are left: about 5 min on 2 cores, by past times, for 1 of them; the others are new",
        ),
    ],
)
def test_the_rest_is_estimated(times, told):
    done = run_status.RunStatus("lab", "arm", 0, "done", seconds=1000.0)
    runs = [
        run_status.RunStatus("lab", "arm", i + 1, "missing", (), t) for i, t in enumerate(times)
    ]
    assert status.text([done, *runs], cores=2).splitlines()[-1] == told


def test_a_run_made_from_another_trunk_is_stale(project):
    """Arms begin with shared epochs; where these were trained again, the arms are of the old ones."""
    trunk = record_of(project).parents[2] / config.TRUNK / "seed0" / "trunk.pt"
    trunk.parent.mkdir(parents=True)
    trunk.write_bytes(b"weights")
    now = standings.Standings(fakes.SCALE, project / "results" / fakes.SCALE, project / "config")
    stamps.write(trunk, now.made_from("lenet5_mnist", config.TRUNK, 0), [trunk])
    stamps.write(record_of(project), {"input trunk": stamps.digest(trunk)})
    assert survey(project)[RUN].state == "done"
    stamps.write(record_of(project), {"input trunk": "0" * 64})
    run = survey(project)[RUN]
    assert run.state == "stale"
    assert "lenet5_mnist/trunk/seed0" in run.why[0]


def test_a_trunk_of_which_nothing_is_known_makes_no_arm_stale(project):
    """Its record tells what a run is made of; the trunk is trained again for those to come."""
    trunk = record_of(project).parents[2] / config.TRUNK / "seed0" / "trunk.pt"
    trunk.parent.mkdir(parents=True)
    trunk.write_bytes(b"weights")
    found = survey(project)
    assert found[RUN].state == "done"
    assert found["lenet5_mnist", config.TRUNK, 0].state == "missing"


def test_a_published_scale_has_no_runs_to_come(project):
    with pytest.raises(UserError, match="trains nothing"):
        status.survey("published", project / "results", project / "config")


def test_the_command_prints_it(project, capsys):
    where = ["--results", str(project / "results"), "--config", str(project / "config")]
    assert cli.main(["status", "--scale", fakes.SCALE, *where, "--cores", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("lenet5_mnist ")]
    assert "2 done, 17 missing" in line  # 3 trunks and a gradient sample too
    assert line.endswith(config.read_experiment("lenet5_mnist", project / "config")["title"])
    n_runs = len(EXPERIMENTS) * (len(fakes.ARMS) + 1) * 3 + len(fakes.EXPERIMENTS)
    assert lines[-2].startswith(f"2 of {n_runs} runs are done")
    assert lines[-1].startswith(f"{n_runs - 2} runs are left")


def test_published_runs_of_the_scale_tell_how_long_new_ones_take(project, monkeypatch):
    published = project / "published" / "runs" / "lenet5_mnist" / "pb" / "seed7" / "record.json"
    published.parent.mkdir(parents=True)
    published.write_text(json.dumps({"scale": fakes.SCALE, "provenance": {"wall_s": 90}}))
    monkeypatch.setattr(status, "PUBLISHED", project / "published")
    assert survey(project)["lenet5_mnist", "pb", 1].seconds == 90
    published.write_text(json.dumps({"scale": "another", "provenance": {"wall_s": 90}}))
    assert survey(project)["lenet5_mnist", "pb", 1].seconds is None


def test_the_time_that_was_spent_is_that_of_the_records(project):
    change(record_of(project), wall_s=3600.0)
    assert survey(project)[RUN].spent == 3600
