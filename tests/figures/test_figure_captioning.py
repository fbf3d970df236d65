"""The figures of captioning show the scores and the attention that they are given."""

import dataclasses
import json

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tests import fake_captions
from tests.figures.shown import said

from partial_backprop.errors import UserError
from partial_backprop.experiments.captioning import attention, figure_4, figure_5
from partial_backprop.experiments.captioning.attention import Captioned
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import caption_examples
from partial_backprop.measurements.caption_examples import Example
from partial_backprop.run_config import DataConfig

SHOWN = [words for words in fake_captions.CAPTIONS if len(words) <= figure_4.MOST_WORDS]
SHOWN = SHOWN[-figure_4.N_SHOWN :]
"""Captions that figure 4 draws."""


def on(data: str, inputs: Inputs) -> Inputs:
    """The same runs, configured for other data."""
    spec = DataConfig(role="flickr8k", dataset={"name": data}, n_validation=5)
    runs = []
    for run in inputs.runs:
        config = run.record.config.model_copy(update={"data": spec})
        record = run.record.model_copy(update={"config": config})
        runs.append(dataclasses.replace(run, record=record))
    return dataclasses.replace(inputs, runs=tuple(runs))


def marks(panel, arm: str, size: float) -> list[float]:
    """Positions of an arm's filled marks of a size: 5 for means, 2 for single seeds."""
    return [
        x
        for line in panel.lines
        if line.get_color() == style.ARMS[arm].color and line.get_markersize() == size
        if line.get_markerfacecolor() != "none"
        for x in line.get_xdata()
    ]


def test_marks_are_differences_to_fb_of_the_same_seed() -> None:
    for panel in figure_5.draw(fake_captions.inputs(seeds=(0, 1, 2))).axes:
        for arm in ("pb", "pb_gradient", "pb_random"):
            points = 100 * (fake_captions.SCORES[arm] - fake_captions.SCORES["fb"])
            assert marks(panel, arm, 5) == pytest.approx([points] * 4)
            assert marks(panel, arm, 2) == pytest.approx([points] * 12)


def test_one_seed_has_no_small_marks() -> None:
    for panel in figure_5.draw(fake_captions.inputs()).axes:
        assert not marks(panel, "pb", 2)


def test_the_printed_difference_is_a_hollow_mark_at_bleu_4() -> None:
    for panel in figure_5.draw(fake_captions.inputs()).axes:
        (hollow,) = [line for line in panel.lines if line.get_markerfacecolor() == "none"]
        assert hollow.get_xdata()[0] == pytest.approx(100 * (0.101 - 0.099))
        assert hollow.get_ydata()[0] == 3


def test_a_picture_that_is_not_there_is_said(tmp_path) -> None:
    inputs = fake_captions.inputs(root=tmp_path)
    for run in inputs.runs:
        path = run.path.with_name(caption_examples.NAME)
        caption_examples.save(caption_examples.without_images(fake_captions.examples()), path)
    figure = figure_4.draw(inputs)
    assert said(figure).count("not shown") == len(SHOWN)
    assert sum(bool(panel.images) for panel in figure.axes) == sum(map(len, SHOWN))


@pytest.mark.parametrize("data", ["flickr8k", "captioned_scenes"])
def test_photographs_are_drawn_only_where_they_were_asked_for(tmp_path, data) -> None:
    """Figures of every scale go into papers and archives, and those to others."""
    inputs = on(data, fake_captions.write_examples(fake_captions.inputs(root=tmp_path)))
    n_missing = len(SHOWN) if data == "flickr8k" else 0
    assert said(figure_4.draw(inputs)).count("not shown") == n_missing
    images = [example.image for example in fake_captions.examples()]
    for run in inputs.runs:
        caption_examples.save_pictures(images, run.path.with_name(caption_examples.PICTURES))
    assert "not shown" not in said(figure_4.draw(inputs))


def test_only_pb_s_captions_are_shown() -> None:
    assert "not run" in said(figure_4.draw(fake_captions.inputs(arms=("fb",))))


def test_missing_pictures_are_told(tmp_path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*examples\.npz"):
        figure_4.draw(fake_captions.inputs(root=tmp_path))


def test_large_images_are_made_small_and_small_ones_left() -> None:
    large = np.zeros((300, 600, 3), dtype=np.uint8)
    assert attention.small(large).shape == (attention.SIDE // 2, attention.SIDE, 3)
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    assert attention.small(image) is image


@pytest.mark.parametrize("lengths", [[1], [3, 8, 12, 20], [10, 20, 30, 50], [0, 50, 50, 50]])
def test_all_words_have_a_place_on_one_page(lengths) -> None:
    n_columns, rows = attention.layout(lengths)
    for length, n_rows in zip(lengths, rows, strict=True):
        assert n_rows * (n_columns - 2) >= length
    assert sum(rows) * style.WIDTH_IN / n_columns < 8


def test_a_caption_without_words_is_its_image() -> None:
    empty = Example(0, np.zeros((8, 8, 3), np.uint8), (), np.zeros((0, 2, 2), np.float32))
    figure = attention.draw([Captioned(empty)])
    assert sum(bool(panel.images) for panel in figure.axes) == 1


def test_every_word_of_short_captions_stands_over_its_picture(tmp_path) -> None:
    inputs = fake_captions.write_examples(fake_captions.inputs(root=tmp_path, seeds=(1, 2)))
    figure = figure_4.draw(inputs)
    FigureCanvasAgg(figure).draw()
    titles = [panel.get_title(loc="center") for panel in figure.axes]
    words = [word for words in SHOWN for word in words]
    assert [title for title in titles if title] == words
    pictures = [panel for panel in figure.axes if panel.images]
    assert len(pictures) == len(words)
    for one in pictures:
        box = one.get_window_extent()
        assert not any(
            box.shrunk(0.98, 0.98).overlaps(other.get_window_extent())
            for other in pictures
            if other is not one
        )


def test_fb_s_caption_and_a_person_s_stand_beside_pb_s_where_they_are_at_hand(tmp_path) -> None:
    inputs = fake_captions.write_examples(fake_captions.inputs(root=tmp_path))
    inputs = on("captioned_scenes", inputs)
    assert "FB:" not in said(figure_4.draw(inputs))
    by_arm = {run.record.arm: run for run in inputs.runs}
    examples = [
        dataclasses.replace(one, truth=("what", "is", "there")) for one in fake_captions.examples()
    ]
    caption_examples.save(examples, by_arm["pb"].path.with_name(caption_examples.NAME))
    captions = [["of", str(number)] for number in range(1 + max(one.index for one in examples))]
    path = by_arm["fb"].path.with_name(figure_4.CAPTIONS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"beam": captions}))
    text = said(figure_4.draw(inputs))
    assert text.count("a person: what is there") == len(SHOWN)
    for one in examples:
        if one.words in SHOWN:
            assert f"FB: of {one.index}" in text


def test_heat_is_where_the_decoder_looked() -> None:
    image = np.full((40, 80, 3), 200, dtype=np.uint8)
    weights = np.zeros((4, 8), dtype=np.float32)
    weights[1, 2] = 0.25
    found = attention.lit(image, weights).astype(float)
    assert found.shape == image.shape
    dark = (1 - attention.SHARE) * 200 + attention.SHARE * 255 * np.array(attention.HEAT(0.0)[:3])
    assert found[35, 75] == pytest.approx(dark, abs=1)
    # The location in row 1 and column 2 of 10 × 10 pixels has its centre between 14|15 and 24|25.
    difference = np.abs(found - dark).sum(axis=-1)
    hottest = np.where(difference == difference.max())
    assert [axis.mean() for axis in hottest] == pytest.approx([14.5, 24.5])


def test_colours_of_an_image_are_not_taken_for_attention() -> None:
    red = np.zeros((12, 12, 3), np.uint8)
    red[..., 0] = 255
    found = attention.lit(red, np.full((3, 3), 1 / 9, dtype=np.float32))
    grey = np.repeat(np.full((12, 12, 1), 76, np.uint8), 3, axis=2)  # its luminance, 0.299 · 255
    np.testing.assert_allclose(found, attention.lit(grey, np.ones((3, 3), np.float32)), atol=1)
