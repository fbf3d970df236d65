"""A decoder on drawn scenes, from captions to record: freezing, early end, resume after a kill."""

import dataclasses
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tests.captioning.plain_decoder import Plain

from partial_backprop import config, record
from partial_backprop.captioning import features
from partial_backprop.captioning.batches import CaptionSplit
from partial_backprop.captioning.decoder import Decoder
from partial_backprop.captioning.evaluate import teacher_forced
from partial_backprop.captioning.vocabulary import MARKS, Vocabulary
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning import caption_context, caption_report
from partial_backprop.experiments.captioning import run_caption as caption
from partial_backprop.measurements import caption_examples, captions, movement
from partial_backprop.recipes.job import Job
from partial_backprop.recipes.provenance import provenance
from partial_backprop.training import checkpoint

CPU = torch.device("cpu")
GRID = (2, 2)
FIXED = {"name": "fixed", "threshold": 0.05, "learning_rate": 0.01}
EXPERIMENT = {
    "title": "Captions",
    "data": {"role": "flickr8k"},
    "recipe": {
        "name": "caption", "hidden": 24, "attention": 8, "embedding": 12, "dropout": 0.2,
        "min_count": 2, "max_words": 12,
    },
    "training": {
        "epochs": 8, "batch_size": 40, "milestones": [],
        "optimizer": {"name": "adam", "learning_rate": 0.02},
    },
    "arms": {
        "fb": {},
        "pb": {"freezing": {"criterion": FIXED}},
        "pb_gradient": {"freezing": {"mode": "gradient", "criterion": FIXED}},
        "pb_random": {"freezing": {"criterion": {"name": "random", "like": FIXED}}},
        "fb_in_one_go": {"training": {"shared_epochs": 0}},
        "impatient": {"training": {"optimizer": {"learning_rate": 1e-7}},
                      "recipe": {"patience": 1, "decay": 0.5, "stop_after": 2}},
        "too_fast": {"training": {"optimizer": {"name": "sgd", "learning_rate": 1e30}}},
        "too_rare": {"recipe": {"min_count": 10_000}},
        "no_beam": {"recipe": {"beam": 0}},
        "all_dropped": {"recipe": {"dropout": 1.0}},
        "grows": {"recipe": {"decay": 1.5}},
        "clips_all": {"recipe": {"clip": 0.0}},
    },
}  # fmt: skip
SCALE = {
    "title": "a test",
    "seeds": [0],
    "roles": {
        "flickr8k": {
            "dataset": {"name": "captioned_scenes", "n_train": 160, "n_test": 30},
            "n_validation": 24,
        },
        "mnist": {"dataset": {"name": "digits"}, "n_validation": 60},
    },
    "experiments": {"captioning": {}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Configuration folder with the experiment ``captioning`` at the scale ``s``."""
    path = tmp_path_factory.mktemp("config")
    for name, content in (("scales/s", SCALE), ("experiments/captioning", EXPERIMENT)):
        (path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (path / f"{name}.yaml").write_text(yaml.safe_dump(content))
    (path / "config.yaml").write_text("scale: s\n")
    return path


@pytest.fixture(scope="module")
def resolved(folder):
    """Function from an arm to its configuration."""
    return lambda arm, seed=0: config.resolve("s", "captioning", arm, seed, folder)


@pytest.fixture(scope="module")
def encoded(resolved, tmp_path_factory):
    """Folder of features: brightness and contrast of each colour in each quarter of an image."""
    path = tmp_path_factory.mktemp("features")
    settled = resolved("fb")
    splits = load_captioned(settled.data, path, 0)
    for part in features.PARTS:
        images = getattr(splits, part).images.astype(np.float32) / 255
        quarters = images.reshape(len(images), 3, GRID[0], 32, GRID[1], 32)
        values = np.concatenate([quarters.mean(axis=(3, 5)), quarters.std(axis=(3, 5))], axis=1)
        values = np.moveaxis(values.reshape(len(images), 6, -1), 1, 2)
        values = (values - values.mean(axis=(0, 1))) / values.std(axis=(0, 1))
        np.save(features.path_of(path, part), values.astype(np.float16))
    report = features.FeatureReport(
        encoder="colours",
        weights="none",
        weights_sha256="0" * 64,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        grid=GRID,
        n_channels=6,
    )
    made = record.Record(
        experiment=settled.experiment,
        arm=settled.arm,
        seed=0,
        scale=settled.scale,
        config=settled,
        config_sha256=settled.sha256(),
        data=splits.facts,
        measurements={features.KEY: report.model_dump(mode="json")},
        provenance=provenance(settled, None, 0.0),
    )
    record.write(made, path / "record.json")
    return path


def run(settled, out, encoded, **job):
    """Run a configuration as the command line does."""
    options = {key: value for key, value in settled.recipe.items() if key != "name"}
    caption.run(settled, Job(out, out, CPU, features=encoded, **job), **options)


@pytest.fixture(scope="module")
def trunk(resolved, encoded, tmp_path_factory):
    """Checkpoint of the shared epochs."""
    out = tmp_path_factory.mktemp("trunk")
    run(resolved(config.TRUNK), out, encoded)
    return out / "trunk.pt"


@pytest.fixture(scope="module")
def finished(resolved, encoded, trunk, tmp_path_factory):
    """Function from an arm to the folder of its finished run, each trained once."""
    folders = {}

    def make(arm):
        if arm not in folders:
            folders[arm] = tmp_path_factory.mktemp(arm)
            start = None if arm in ("fb_in_one_go", "impatient") else trunk
            run(resolved(arm), folders[arm], encoded, trunk=start)
        return folders[arm]

    return make


def found(folder):
    """Record and report of a run."""
    read = record.read(folder / "record.json")
    return read, captions.of(read)


def test_fb_from_the_shared_epochs_equals_fb_in_one_go(finished):
    from_trunk, in_one_go = (
        checkpoint.load(finished(arm) / "weights.pt") for arm in ("fb", "fb_in_one_go")
    )
    assert all(torch.equal(from_trunk[name], in_one_go[name]) for name in in_one_go)
    for name in ("history.csv", "captions.json", "examples.npz"):
        files = [(finished(arm) / name).read_bytes() for arm in ("fb", "fb_in_one_go")]
        assert files[0] == files[1]


def test_learns_to_say_what_it_sees(finished, resolved, encoded, tmp_path):
    """Its words are likelier before their own image than before another one."""
    _, report = found(finished("fb"))
    curve = [epoch.bleu.score(4) for epoch in report.epochs]
    assert max(curve) > 2 * curve[0]
    job = Job(tmp_path, tmp_path, CPU, features=encoded)
    context = caption_context.build_context(resolved("fb"), job)
    decoder, splits = context.train_state.model, context.splits
    decoder.load_state_dict(checkpoint.load(finished("fb") / "weights.pt"))
    seen = teacher_forced(decoder, splits.test, splits.vocabulary)
    assert seen.loss == report.test.loss
    others = np.roll(splits.test.features, 1, axis=0)
    unseen = teacher_forced(
        decoder, dataclasses.replace(splits.test, features=others), splits.vocabulary
    )
    assert unseen.loss > seen.loss + 0.1


def test_the_record_says_what_ran(finished, resolved):
    read, report = found(finished("pb"))
    assert read.config == resolved("pb")
    assert (read.data.n_train, read.data.n_validation, read.data.n_test) == (160, 24, 30)
    assert (read.network.name, read.network.full_size) == (caption_context.NETWORK, False)
    state = checkpoint.load(finished("pb") / "weights.pt")
    assert read.network.n_parameters == sum(one.numel() for one in state.values())
    assert (report.encoder, report.grid, report.n_features) == ("colours", GRID, 6)
    assert report.features == "caption_features/encoder"
    assert report.n_train_captions == 800
    assert report.n_words == len(state["embedding.weight"])
    assert (report.test.n_images, report.validation.n_images) == (30, 24)
    assert report.test.teacher.n_captions == 5 * report.test.beam.n_captions == 150
    assert read.selections == ()


def test_the_public_reference_counts_marks_as_words(finished):
    """A word more in each caption, the end; its references are those that the decoder is given."""
    _, report = found(finished("fb"))
    for split in (report.validation, report.test):
        plain, marked = split.teacher, split.teacher_marks
        n = plain.n_captions
        assert marked.n_captions == n
        assert marked.one.hypothesis_length == plain.one.hypothesis_length + n
        assert marked.one.reference_length == marked.one.hypothesis_length
        assert marked.five.matches[0] >= plain.five.matches[0]


def test_unknown_words_match_themselves_where_marks_count():
    """A decoder that says all that it can knows no unknown word; the public reference lets it."""
    vocabulary = Vocabulary((*MARKS, "a", "dog"))
    captions = [["A dog runs", "A dog"], ["A dog flies a dog"]]
    split = CaptionSplit.of(np.zeros((2, 4, 6), np.float16), captions, vocabulary, 10, CPU)
    decoder = Decoder(6, 6, embedding=3, hidden=5, attention=4, dropout=0.0)

    class Oracle(torch.nn.Module):
        def forward(self, *inputs):
            made = decoder(*inputs)
            return made._replace(logits=torch.nn.functional.one_hot(made.targets, 6).float())

    said = teacher_forced(Oracle(), split, vocabulary)
    assert said.marked[0] == ("a", "dog", "<unk>", "<end>")
    assert said.captions[0] == ("a", "dog", "<unk>")
    marked = caption_report._forced(
        split, said.marked, caption_report._with_marks(split, vocabulary)
    )
    plain = caption_report._forced(split, said.captions, split.references)
    assert marked.one.matches == marked.one.totals
    assert plain.one.matches[0] == plain.one.totals[0] - 2


def test_the_best_epochs_weights_are_left_and_reported(finished):
    _, report = found(finished("fb"))
    history = pd.read_csv(finished("fb") / "history.csv")
    curve = [epoch.bleu.score(4) for epoch in report.epochs]
    assert report.best_epoch == int(np.argmax(curve))
    assert len(history) == len(curve) == 8
    best = history.iloc[report.best_epoch]
    # The same weights on the same captions: the report's validation is that epoch's row.
    assert report.validation.loss == best["validation_loss"]
    assert report.validation.teacher.five == report.epochs[report.best_epoch].bleu
    assert list(history["learning_rate"]) == [epoch.learning_rate for epoch in report.epochs]


def test_counts_are_those_of_the_captions_that_are_left(finished, resolved, tmp_path):
    _, report = found(finished("fb"))
    said = json.loads((finished("fb") / "captions.json").read_text())
    splits = load_captioned(resolved("fb").data, tmp_path, 0)
    for decoding in ("greedy", "beam"):
        words = said[decoding]
        bleu = report.test.of(decoding)
        assert len(words) == 30
        assert sum(map(len, words)) == bleu.five.hypothesis_length
        assert len(set(map(tuple, words))) == bleu.n_distinct
        matches = 0
        for caption_, true in zip(words, splits.test.captions, strict=True):
            for word in set(caption_):
                most = max(one.split().count(word) for one in true)
                matches += min(caption_.count(word), most)
        assert matches == bleu.five.matches[0]
    assert report.test.greedy.one.hypothesis_length == 5 * report.test.greedy.five.hypothesis_length


def test_examples_are_captions_with_the_attention_of_the_weights_that_are_left(finished, encoded):
    out = finished("fb")
    said = json.loads((out / "captions.json").read_text())["beam"]
    plain = Plain(checkpoint.load(out / "weights.pt"))
    vocabulary = Vocabulary.from_json((out / "vocabulary.json").read_text())
    images = np.load(features.path_of(encoded, "test"))
    shown = caption_examples.read(out / caption_examples.NAME)
    assert len(shown) >= 2
    for example in shown:
        assert list(example.words) == said[example.index]
        numbers, lengths = vocabulary.encode([example.words], max_words=12)
        image = torch.from_numpy(images[example.index]).double()
        forced = plain.forced(image, numbers[0, : lengths[0]].tolist())
        for (_, alpha), looked in zip(forced, example.attention, strict=False):
            np.testing.assert_allclose(looked.ravel(), alpha, atol=1e-5)


def test_strict_freezes_every_masked_value_at_its_value_after_the_shared_epochs(finished, trunk):
    before = checkpoint.load(trunk)["model"]
    after = checkpoint.load(finished("pb") / "weights.pt")
    mask = checkpoint.load(finished("pb") / "mask.pt")
    read, report = found(finished("pb"))
    assert report.best_epoch >= 2
    n_frozen = 0
    for name, active in mask.items():
        assert torch.equal(after[name][~active], before[name][~active])
        n_frozen += int((~active).sum())
    assert n_frozen == read.freezing.total("n_mask_zeros") > 0
    assert read.freezing.masked_at_epochs == (2,)
    assert read.freezing.threshold == pytest.approx(0.05 * 0.01)
    assert all(layer.drift_max_abs == 0 for layer in read.freezing.layers)


def test_the_mask_is_of_the_gradients_before_clipping(resolved, encoded, trunk, finished, tmp_path):
    settled = resolved("pb")
    tight = settled.model_copy(update={"recipe": settled.recipe | {"clip": 1e-3}})
    run(tight, tmp_path, encoded, trunk=trunk)
    masks = [checkpoint.load(f / "mask.pt") for f in (tmp_path, finished("pb"))]
    assert all(torch.equal(masks[0][name], masks[1][name]) for name in masks[1])
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["n_clipped"].tolist() == [0, 0, *[20] * 6]  # the trunk was not clipped


def test_the_listings_way_lets_frozen_weights_drift(finished):
    strict, gradient = (found(finished(arm))[0].freezing for arm in ("pb", "pb_gradient"))
    assert gradient.total("n_mask_zeros") == strict.total("n_mask_zeros")
    assert sum(layer.drift_sum_abs for layer in gradient.layers) > 0
    assert gradient.total("n_unmoved") < strict.total("n_unmoved")


def test_the_control_freezes_as_many_in_each_layer_but_others(finished):
    pb, control = (found(finished(arm))[0].freezing for arm in ("pb", "pb_random"))
    counts = [[layer.n_mask_zeros for layer in report.layers] for report in (pb, control)]
    assert counts[0] == counts[1]
    masks = [checkpoint.load(finished(arm) / "mask.pt") for arm in ("pb", "pb_random")]
    assert any(not torch.equal(masks[0][name], masks[1][name]) for name in masks[0])


def test_fb_tells_how_far_weights_went(finished):
    path = finished("fb") / "record.json"
    one = record.read(path)
    report = movement.of(one)
    first = report.batches[0].bins
    assert sum(row.n for row in first) == one.freezing.total("n_weights")
    assert first[0].high == 0
    assert first[0].n == one.freezing.total("n_natural_zeros")
    assert len(movement.layers(path, report)) > 0
    assert movement.of(record.read(finished("pb") / "record.json")) is None


def test_fb_counts_the_same_natural_zeros_as_pb_and_words_absent_from_the_batch(finished):
    fb, pb = (found(finished(arm))[0].freezing for arm in ("fb", "pb"))
    zeros = [{layer.name: layer.n_natural_zeros for layer in one.layers} for one in (fb, pb)]
    assert zeros[0] == zeros[1]
    # At least the rows of the padding and of the end, which are never heard.
    assert zeros[0]["embedding.weight"] >= 2 * 12
    assert zeros[0]["embedding.weight"] % 12 == 0
    assert fb.total("n_mask_zeros") == 0
    assert checkpoint.load(finished("fb") / "mask.pt") == {}


def test_the_learning_rate_falls_and_training_ends_early(finished):
    """At next to no learning rate the score never changes: the first epoch stays the best."""
    _, report = found(finished("impatient"))
    assert report.best_epoch == 0
    assert [epoch.learning_rate for epoch in report.epochs] == [1e-7, 1e-7, 5e-8]


@pytest.mark.parametrize("arm", ["pb_gradient"])
def test_killed_and_started_again_it_ends_the_same(arm, finished, folder, encoded, trunk, tmp_path):
    log = tmp_path / "run.log"
    command = [
        sys.executable, "-m", "partial_backprop", "train", "captioning", arm, "0", "--scale", "s",
        "--config", str(folder), "--out", str(tmp_path / "out"), "--trunk", str(trunk),
        "--features", str(encoded), "--checkpoints", str(tmp_path / "unfinished"),
        "--checkpoint-every", "0", "--log", str(log), "--device", "cpu",
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
    resumed, whole = (record.read(f / "record.json") for f in (tmp_path / "out", finished(arm)))
    assert resumed.reproducible() == whole.reproducible()
    for name in ("history.csv", "captions.json", "examples.npz", "vocabulary.json"):
        assert (tmp_path / "out" / name).read_bytes() == (finished(arm) / name).read_bytes()
    assert not list((tmp_path / "unfinished").iterdir())


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("too_fast", "lower"),
        ("too_rare", "min_count"),
        ("no_beam", "beam"),
        ("all_dropped", "dropout"),
        ("grows", "decay"),
        ("clips_all", "clip"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(arm, message, resolved, encoded, tmp_path):
    with pytest.raises(UserError, match=message) as error:
        run(resolved(arm), tmp_path, encoded)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "record.json").exists()


def test_it_needs_features(resolved, tmp_path):
    with pytest.raises(UserError, match=r"--features.*FOLDER"):
        run(resolved("fb"), tmp_path, None)


def test_features_of_other_images_are_refused(resolved, encoded, tmp_path):
    settled = resolved("fb")
    dataset = settled.data.dataset | {"seed": 1}
    other = settled.model_copy(
        update={"data": settled.data.model_copy(update={"dataset": dataset})}
    )
    with pytest.raises(UserError, match="features"):
        run(other, tmp_path, encoded)


def test_another_decoders_trunk_is_refused(resolved, encoded, trunk, tmp_path):
    settled = resolved("fb")
    wider = settled.model_copy(update={"recipe": settled.recipe | {"hidden": 25}})
    with pytest.raises(UserError, match="network"):
        run(wider, tmp_path, encoded, trunk=trunk)


def test_full_size_is_the_sources(resolved, encoded, tmp_path):
    settled = resolved("fb")
    sizes = dict.fromkeys(caption_context.SIZES, 512)
    full = settled.model_copy(update={"recipe": settled.recipe | sizes})
    job = Job(tmp_path, tmp_path, CPU, features=encoded)
    assert caption_context.build_context(full, job).network.full_size
