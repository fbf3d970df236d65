"""The figures of captioning show the scores and the attention that they are given."""

import dataclasses

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from tests import fake_captions
from tests.figures.shown import said

from partial_backprop.errors import UserError
from partial_backprop.figures import attention, figure_4, figure_5, style
from partial_backprop.measurements import caption_examples
from partial_backprop.measurements.caption_examples import Example
from partial_backprop.run_config import DataConfig


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


def test_every_word_stands_over_its_picture(tmp_path) -> None:
    inputs = fake_captions.write_examples(fake_captions.inputs(root=tmp_path, seeds=(1, 2)))
    figure = figure_4.draw(inputs)
    FigureCanvasAgg(figure).draw()
    titles = [panel.get_title(loc="center") for panel in figure.axes]
    words = [word for words in fake_captions.CAPTIONS for word in words]
    assert [title for title in titles if title] == words
    pictures = [panel for panel in figure.axes if panel.images]
    assert len(pictures) == len(words) + len(fake_captions.CAPTIONS)
    for one in pictures:
        box = one.get_window_extent()
        assert not any(
            box.shrunk(0.98, 0.98).overlaps(other.get_window_extent())
            for other in pictures
            if other is not one
        )
    assert "seed 1" in said(figure)
    assert figure.get_size_inches()[0] == style.WIDTH_IN


def test_a_picture_that_is_not_there_is_said(tmp_path) -> None:
    inputs = fake_captions.inputs(root=tmp_path)
    for run in inputs.runs:
        path = run.path.with_name(caption_examples.NAME)
        caption_examples.save(caption_examples.without_images(fake_captions.examples()), path)
    figure = figure_4.draw(inputs)
    assert said(figure).count("not available:") == len(fake_captions.CAPTIONS)
    n_words = sum(map(len, fake_captions.CAPTIONS))
    assert sum(bool(panel.images) for panel in figure.axes) == n_words + len(fake_captions.CAPTIONS)


@pytest.mark.parametrize("data", ["flickr8k", "captioned_scenes"])
def test_photographs_are_drawn_only_where_they_were_asked_for(tmp_path, data) -> None:
    """Figures of every scale go into papers and archives, and those to others."""
    inputs = fake_captions.write_examples(fake_captions.inputs(root=tmp_path))
    spec = DataConfig(role="flickr8k", dataset={"name": data}, n_validation=5)
    runs = []
    for run in inputs.runs:
        config = run.record.config.model_copy(update={"data": spec})
        record = run.record.model_copy(update={"config": config})
        runs.append(dataclasses.replace(run, record=record))
    inputs = dataclasses.replace(inputs, runs=tuple(runs))
    n_missing = len(fake_captions.CAPTIONS) if data == "flickr8k" else 0
    assert said(figure_4.draw(inputs)).count("not available:") == n_missing
    images = [example.image for example in fake_captions.examples()]
    for run in runs:
        caption_examples.save_pictures(images, run.path.with_name(caption_examples.PICTURES))
    assert "not available:" not in said(figure_4.draw(inputs))


def test_only_pb_s_captions_are_shown() -> None:
    assert "not run" in said(figure_4.draw(fake_captions.inputs(arms=("fb",))))


def test_missing_pictures_are_told(tmp_path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*examples\.npz"):
        figure_4.draw(fake_captions.inputs(root=tmp_path))


def test_an_image_glows_where_the_decoder_looked() -> None:
    image = np.full((40, 80, 3), 200, dtype=np.uint8)
    weights = np.zeros((4, 8), dtype=np.float32)
    weights[1, 2] = 0.25
    found = attention.lit(image, weights)
    assert found.shape == image.shape
    assert found[35, 75].tolist() == [round((1 - attention.GLOW) * 200)] * 3
    # The location in row 1 and column 2 of 10 × 10 pixels has its centre between 14|15 and 24|25.
    brightest = np.where(found[..., 0] == found.max())
    assert [axis.mean() for axis in brightest] == pytest.approx([14.5, 24.5])


def test_even_attention_is_an_even_glow() -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    dark = (1 - attention.GLOW) * image.astype(float)
    even = attention.lit(image, np.full((3, 3), 1 / 9, dtype=np.float32))
    np.testing.assert_allclose(even, dark + 255 * attention.GLOW, atol=1)
    np.testing.assert_allclose(attention.lit(image, np.zeros((3, 3))), dark, atol=1)


def test_large_images_are_made_small_and_small_ones_left() -> None:
    large = np.zeros((300, 600, 3), dtype=np.uint8)
    assert attention.small(large).shape == (80, 160, 3)
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    assert attention.small(image) is image


@pytest.mark.parametrize("lengths", [[1], [3, 8, 12, 20], [10, 20, 30, 50], [0, 50, 50, 50]])
def test_all_words_have_a_place_on_one_page(lengths) -> None:
    n_columns, rows = attention.layout(lengths)
    for length, n_rows in zip(lengths, rows, strict=True):
        assert max(1, n_rows - 1) * (n_columns - 1) <= max(length, n_columns - 1)
        assert n_rows * (n_columns - 1) >= length
    assert sum(rows) * style.WIDTH_IN / n_columns < 8


def test_a_caption_without_words_is_its_image() -> None:
    empty = Example(0, np.zeros((8, 8, 3), np.uint8), (), np.zeros((0, 2, 2), np.float32))
    figure = attention.draw([empty])
    assert sum(bool(panel.images) for panel in figure.axes) == 1
