"""Runs from configuration to record: shared epochs, freezing, resume after a kill."""

import gzip
import itertools
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.stats
import torch
from tests.runs import CPU

from partial_backprop import registry, sources
from partial_backprop.errors import UserError
from partial_backprop.measurements import mask_stability, movement
from partial_backprop.recipes import classify, freeze
from partial_backprop.recipes.context import build_context
from partial_backprop.recipes.job import Job, choose_device
from partial_backprop.recipes.mask_gradients import first_gradients
from partial_backprop.recipes.run_checkpoint import RunCheckpoint
from partial_backprop.record import read
from partial_backprop.run_config import TRUNK
from partial_backprop.training import checkpoint, precision
from partial_backprop.training.loop import TrainState


@pytest.fixture(scope="session")
def finished(lab):
    """Function from an arm to the folder of its finished run."""
    return lambda arm: lab.finished("one", arm)


def test_another_precision_has_its_own_shared_epochs_and_tells_of_itself(finished, trunk):
    history = {
        arm: (finished(arm) / "history.csv").read_text().splitlines()[1:]
        for arm in ("fb", "fb_bf16")
    }
    assert len(history["fb_bf16"]) == len(history["fb"]) == 5
    shared = checkpoint.load(trunk)["rows"]
    losses = [float(history["fb_bf16"][epoch].split(",")[2]) for epoch in range(2)]
    for epoch, loss in enumerate(losses):
        assert loss != shared[epoch]["train_loss"]
        assert loss == pytest.approx(shared[epoch]["train_loss"], rel=0.05)
    records = {arm: read(finished(arm) / "record.json") for arm in history}
    assert records["fb_bf16"].config.training.precision == "bf16"
    assert '"precision"' not in (finished("fb") / "record.json").read_text()


@pytest.mark.parametrize("has_avx512_bf16", [False, True])
def test_bf16_is_warned_of_once_and_noted_in_the_record(
    has_avx512_bf16, resolved, monkeypatch, tmp_path
):
    found = precision.Bf16Instructions(amx_bf16=False, avx512_bf16=has_avx512_bf16)
    monkeypatch.setattr(precision, "bf16_instructions", lambda: found)
    job = Job(tmp_path, tmp_path, CPU, log=tmp_path / "log")
    classify.run(resolved("fb_bf16"), job)
    assert (tmp_path / "log").read_text().count("slower") == int(not has_avx512_bf16)
    provenance = read(tmp_path / "record.json").provenance
    assert (provenance.amx_bf16, provenance.avx512_bf16) == found
    assert provenance.processor == provenance.device


def test_whole_filters_are_frozen(finished, trunk):
    before = checkpoint.load(trunk)["model"]
    after, mask = (checkpoint.load(finished("pb_filters") / f"{n}.pt") for n in ("weights", "mask"))
    filters = {name: active.flatten(1) for name, active in mask.items() if active.dim() > 1}
    assert all(torch.equal(rows.all(1), rows.any(1)) for rows in filters.values())
    assert (
        0
        < sum(int(rows.any(1).sum()) for rows in filters.values())
        < sum(map(len, filters.values()))
    )
    assert all(torch.equal(after[name][~mask[name]], before[name][~mask[name]]) for name in mask)


@pytest.mark.parametrize(("arm", "left_out"), [("pb", False), ("pb_filters", True)])
def test_gradients_of_frozen_filters_are_not_computed(arm, left_out, resolved):
    config = resolved(arm)
    model = registry.load("networks", "lenet5")((1, 12, 12), 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    pb = freeze.partial_backprop(TrainState(model, optimizer), config)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(20, 1, 12, 12, generator=generator)
    for epoch in (2, 3):
        pb.begin_epoch(epoch)
        optimizer.zero_grad()
        model(images).square().mean().backward()
        optimizer.step()
    skipping = [module for module in model.modules() if hasattr(module, "active_filters")]
    assert bool(skipping) == left_out


def test_fb_counts_the_same_natural_zeros_as_pb_and_freezes_nothing(finished):
    fb, pb = (read(finished(arm) / "record.json").freezing for arm in ("fb", "pb"))
    zeros = [[layer.n_natural_zeros for layer in report.layers] for report in (fb, pb)]
    assert zeros[0] == zeros[1]
    assert sum(zeros[0]) > 0
    assert fb.total("n_mask_zeros") == 0
    assert checkpoint.load(finished("fb") / "mask.pt") == {}


def test_the_record_says_what_ran(finished, resolved):
    record = read(finished("pb_otsu") / "record.json")
    assert record.config == resolved("pb_otsu")
    assert (record.data.role, record.data.n_validation) == ("mnist", 60)
    assert "digits" in record.data.name
    assert record.network.name == "lenet5"
    assert not record.network.full_size
    assert record.freezing.threshold > 0
    assert record.selection("last").epoch == 4
    assert record.selection("last").test.n_correct > 0.5 * record.data.n_test


def test_the_record_says_which_test_images_are_right(finished, resolved, trunk):
    record = read(finished("pb") / "record.json")
    assert record.schema_version == 2
    rules = [selection.rule for selection in record.selections]
    assert rules == ["last", "best_on_validation", "best_on_test"]
    for selection in record.selections:
        assert selection.test_correct.n_correct() == selection.test.n_correct
    job = Job(finished("pb"), finished("pb"), CPU, trunk=trunk)
    context = build_context(resolved("pb"), job)
    model = context.train_state.model
    model.load_state_dict(checkpoint.load(finished("pb") / "weights.pt"))
    images, labels = context.splits.test.batch(slice(None))
    with torch.no_grad():
        expected = model.eval()(images).argmax(1) == labels
    packed = np.frombuffer(record.selection("last").test_correct.packed(), dtype=np.uint8)
    assert np.array_equal(np.unpackbits(packed, count=len(labels)), expected.numpy())


def test_fb_tells_how_far_weights_went_by_their_gradient(finished, resolved, trunk):
    path = finished("fb") / "record.json"
    record = read(path)
    report = movement.of(record)
    assert (report.epoch, report.batch_size, len(report.batches)) == (2, 100, 5)
    before = checkpoint.load(trunk)["model"]
    after = checkpoint.load(finished("fb") / "weights.pt")
    context = build_context(resolved("fb"), Job(path.parent, path.parent, CPU, trunk=trunk))
    gradients = first_gradients(context, resolved("fb"))
    names = list(gradients)
    g = torch.cat([gradients[name].abs().flatten() for name in names])
    distance = torch.cat([(after[name] - before[name]).abs().flatten() for name in names])
    mask_batch = report.batches[0]
    zero, *others = mask_batch.bins
    assert (zero.low, zero.high, zero.n) == (0, 0, int((g == 0).sum()))
    assert zero.mean == pytest.approx(float(distance[g == 0].mean()), rel=1e-4)
    assert sum(one.n for one in mask_batch.bins) == len(g)
    for one in others:
        chosen = distance[(g > one.low) & (g <= one.high)]
        assert len(chosen) == one.n
        assert one.mean == pytest.approx(float(chosen.double().mean()), rel=1e-4)
        assert one.quantiles[2] == pytest.approx(float(chosen.double().quantile(0.5)), rel=1e-4)
    expected = scipy.stats.spearmanr(g[g > 0], distance[g > 0]).statistic
    assert mask_batch.rank_correlation == pytest.approx(expected, rel=1e-4)
    layers = movement.layers(path, report)
    sums = layers[layers["batch"] == 0].groupby("layer")["n"].sum()
    assert sums.to_dict() == {name: gradients[name].numel() for name in names}
    assert movement.of(read(finished("pb") / "record.json")) is None


def test_the_layers_movement_is_known_by_its_checksum(finished, tmp_path):
    folder = shutil.copytree(finished("fb"), tmp_path / "fb")
    report = movement.of(read(folder / "record.json"))
    (folder / report.file).write_bytes(gzip.compress(b"batch,layer\n"))
    with pytest.raises(UserError, match="not the file"):
        movement.layers(folder / "record.json", report)
    (folder / report.file).write_bytes(b"no gzip")
    with pytest.raises(UserError, match="cannot read"):
        movement.layers(folder / "record.json", report)


def test_an_arm_tells_how_stable_its_mask_is(finished):
    record = read(finished("pb") / "record.json")
    found = mask_stability.of(record)
    assert found.own.n_frozen == record.freezing.total("n_mask_zeros")
    assert found.n_weights == record.freezing.total("n_weights")
    assert found.own.n_zero_gradients == found.own.n_zero_under_first >= found.own.n_frozen
    assert {one.batch_size for one in found.others} == {25, 100}  # 400 do not fit into a quarter
    for one in found.others:
        assert one.start >= 100
        assert 0 < one.n_frozen_in_first < min(one.n_frozen, found.own.n_frozen)
    assert {(pair.first, pair.second) for pair in found.pairs if pair.batch_size == 25} == set(
        itertools.combinations([one.start for one in found.others if one.batch_size == 25], 2)
    )
    for arm in ("fb", "pb_random"):
        assert mask_stability.of(read(finished(arm) / "record.json")) is None


def test_measuring_masks_leaves_the_training_as_it_was(
    finished, resolved, trunk, tmp_path, monkeypatch
):
    monkeypatch.setattr(classify, "_stability", lambda *_: {})
    classify.run(resolved("pb"), Job(tmp_path, tmp_path, CPU, trunk=trunk))
    weights = [checkpoint.load(f / "weights.pt") for f in (tmp_path, finished("pb"))]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize(
    ("masks", "frozen", "active"),
    [
        ((10, 5, 5, 5), 1, 1),
        ((10, 4, 4, 2), 2 / 6, 4 / 8),
        ((10, 0, 0, 0), 1, 1),
        ((4, 4, 4, 4), 1, 1),
    ],
)
def test_jaccard_of_two_masks(masks, frozen, active):
    assert mask_stability.jaccard(*masks) == pytest.approx((frozen, active))


def test_without_a_validation_part_nothing_is_best_on_it(finished):
    record = read(finished("fb_on_all") / "record.json")
    assert (record.data.n_validation, record.selection("last").validation) == (0, None)
    assert [selection.rule for selection in record.selections] == ["last", "best_on_test"]
    assert record.data.n_train == read(finished("fb") / "record.json").data.n_train + 60
    with pytest.raises(KeyError):
        record.selection("best_on_validation")
    header = (finished("fb_on_all") / "history.csv").read_text().splitlines()[0]
    assert "test_n_correct" in header
    assert "validation" not in header


def test_the_same_run_twice_gives_the_same_bits(finished, resolved, trunk, tmp_path):
    classify.run(resolved("pb"), Job(tmp_path, tmp_path, CPU, trunk=trunk))
    again, first = (read(folder / "record.json") for folder in (tmp_path, finished("pb")))
    assert again.reproducible() == first.reproducible()
    weights = [checkpoint.load(f / "weights.pt") for f in (tmp_path, finished("pb"))]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_killed_at_any_point_and_started_again_it_ends_the_same(finished, folder, trunk, tmp_path):
    arm, log = "pb", tmp_path / "run.log"
    command = [
        sys.executable, "-m", "partial_backprop", "train", "one", arm, "0", "--scale", "s",
        "--config", str(folder), "--out", str(tmp_path / "out"), "--trunk", str(trunk),
        "--checkpoints", str(tmp_path / "unfinished"), "--checkpoint-every", "0",
        "--log", str(log), "--device", "cpu",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "unfinished").glob("*.pt")):
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out" / "record.json").exists()
    subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
    assert "resumes after epoch" in log.read_text()
    resumed, whole = (read(f / "record.json") for f in (tmp_path / "out", finished(arm)))
    assert resumed.reproducible() == whole.reproducible()
    histories = [(f / "history.csv").read_bytes() for f in (tmp_path / "out", finished(arm))]
    assert histories[0] == histories[1]
    assert not list((tmp_path / "unfinished").iterdir())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no checkpoint"])
def test_a_damaged_checkpoint_is_left_aside(content, finished, resolved, trunk, tmp_path):
    config = resolved("pb")
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / f"{config.sha256()}.pt").write_bytes(content)
    job = Job(tmp_path, tmp_path, CPU, trunk=trunk, checkpoints=unfinished, log=tmp_path / "log")
    classify.run(config, job)
    assert "damaged" in (tmp_path / "log").read_text()
    found, expected = (read(f / "record.json") for f in (tmp_path, finished("pb")))
    assert found.reproducible() == expected.reproducible()


def test_a_checkpoint_of_other_code_is_left_aside(resolved, trunk, tmp_path, monkeypatch):
    config, unfinished = resolved("pb"), tmp_path / "unfinished"
    job = Job(tmp_path, tmp_path, CPU, trunk, unfinished, 0.0, tmp_path / "log")
    saved = []
    discard = RunCheckpoint.discard
    monkeypatch.setattr(RunCheckpoint, "discard", lambda self: saved.append(self))
    classify.run(config, job)
    monkeypatch.setattr(RunCheckpoint, "discard", discard)
    monkeypatch.setattr(sources, "digests", lambda files: {"other.py": "0" * 16})
    classify.run(config, job)
    assert "other code" in (tmp_path / "log").read_text()


def test_a_trunk_of_another_network_is_told(resolved, tmp_path):
    checkpoint.save({"model": {"weight": torch.zeros(1)}}, tmp_path / "trunk.pt")
    with pytest.raises(UserError, match=r"trunk\.pt.*network"):
        classify.run(resolved("fb"), Job(tmp_path, tmp_path, CPU, trunk=tmp_path / "trunk.pt"))


def test_tensorboard_events_have_the_listings_names(resolved, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    classify.run(resolved(TRUNK), Job(tmp_path, tmp_path, CPU, tensorboard=True))
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert {"train_loss", "train_acc", "val_loss", "val_acc"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train_loss")] == [0, 1]


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(UserError, match="finds no CUDA"):
        choose_device("cuda")
    with pytest.raises(UserError, match="unknown device"):
        choose_device("abacus")
