"""A decoder on drawn scenes, from captions to record: freezing, early end, resume after a kill."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch
from tests.captioning.plain_decoder import Plain
from tests.recipes.conftest import GRID
from tests.runs import CPU, run

from partial_backprop import record
from partial_backprop.captioning import features
from partial_backprop.captioning.batches import CaptionSplit
from partial_backprop.captioning.decoder import Decoder
from partial_backprop.captioning.evaluate import teacher_forced
from partial_backprop.captioning.vocabulary import MARKS, Vocabulary
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning import caption_context, caption_report
from partial_backprop.measurements import caption_examples, captions, movement
from partial_backprop.recipes.job import Job
from partial_backprop.run_config import TRUNK
from partial_backprop.training import checkpoint


@pytest.fixture(scope="module")
def finished(lab):
    """Function from an arm to the folder of its finished run."""
    return lambda arm: lab.finished("captioning", arm)


@pytest.fixture(scope="module")
def resolved(lab):
    """Function from an arm to its configuration."""
    return lambda arm: lab.resolved("captioning", arm)


@pytest.fixture(scope="module")
def trunk(lab):
    """Checkpoint of the shared epochs."""
    return lab.finished("captioning", TRUNK) / "trunk.pt"


def found(folder):
    """Record and report of a run."""
    read = record.read(folder / "record.json")
    return read, captions.of(read)


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


def test_the_mask_is_of_the_gradients_before_clipping(resolved, encoded, trunk, finished, tmp_path):
    settled = resolved("pb")
    tight = settled.model_copy(update={"recipe": settled.recipe | {"clip": 1e-3}})
    run(tight, tmp_path, features=encoded, trunk=trunk)
    masks = [checkpoint.load(f / "mask.pt") for f in (tmp_path, finished("pb"))]
    assert all(torch.equal(masks[0][name], masks[1][name]) for name in masks[1])
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["n_clipped"].tolist() == [0, 0, *[20] * 6]  # the trunk was not clipped


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


def test_it_needs_features(resolved, tmp_path):
    with pytest.raises(UserError, match=r"--features.*FOLDER"):
        run(resolved("fb"), tmp_path, features=None)


def test_features_of_other_images_are_refused(resolved, encoded, tmp_path):
    settled = resolved("fb")
    dataset = settled.data.dataset | {"seed": 1}
    other = settled.model_copy(
        update={"data": settled.data.model_copy(update={"dataset": dataset})}
    )
    with pytest.raises(UserError, match="features"):
        run(other, tmp_path, features=encoded)


def test_another_decoders_trunk_is_refused(resolved, encoded, trunk, tmp_path):
    settled = resolved("fb")
    wider = settled.model_copy(update={"recipe": settled.recipe | {"hidden": 25}})
    with pytest.raises(UserError, match="network"):
        run(wider, tmp_path, features=encoded, trunk=trunk)


def test_full_size_is_the_sources(resolved, encoded, tmp_path):
    settled = resolved("fb")
    sizes = dict.fromkeys(caption_context.SIZES, 512)
    full = settled.model_copy(update={"recipe": settled.recipe | sizes})
    job = Job(tmp_path, tmp_path, CPU, features=encoded)
    assert caption_context.build_context(full, job).network.full_size
