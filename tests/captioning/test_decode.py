"""Beam search against all captions there are, and against a plain search one image at a time."""

import itertools
import math

import pytest
import torch
from tests.captioning.plain_decoder import Plain

from partial_backprop.captioning.decode import beam_search
from partial_backprop.captioning.vocabulary import END, PAD, START

FORBIDDEN = [PAD, START]
SPOKEN = (3, 4, 5)
N_WORDS = 6


def all_captions(max_words):
    """Every caption up to a length, from start to end."""
    for n in range(max_words + 1):
        for words in itertools.product(SPOKEN, repeat=n):
            yield [START, *words, END]


def plain_search(plain, image, max_words, width):
    """The likeliest caption of a search for one image, as lists and floats."""
    h, c = plain.start(image)
    beam, ended = [(0.0, [START], h, c)], []
    for n_said in range(max_words + 1):
        grown = []
        for score, words, h, c in beam:
            h, c, _ = plain.step(image, h, c, words[-1])
            logits = plain.logits(h)
            logits[FORBIDDEN] = -math.inf
            log_p = logits.log_softmax(0).tolist()
            said = [END] if n_said == max_words else [END, *SPOKEN]
            grown += [(score + log_p[word], [*words, word], h, c) for word in said]
        grown = sorted(grown, key=lambda one: -one[0])[: width - len(ended)]
        ended += [(score, words) for score, words, *_ in grown if words[-1] == END]
        beam = [one for one in grown if one[1][-1] != END]
    return max(ended, key=lambda one: one[0])


def caption(numbers):
    """Words from the start to the end, without padding."""
    return [START, *(number for number in numbers.tolist() if number != PAD)]


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_likeliest_of_all_captions(seed, make_decoder, features):
    decoder = make_decoder(seed, n_words=N_WORDS).eval()
    plain, max_words = Plain(decoder.state_dict()), 3
    found = beam_search(decoder, features, max_words, width=len(SPOKEN) ** max_words * 2)
    for image, words, score in zip(features, found.words, found.log_probability, strict=True):
        scores = {
            tuple(one): plain.log_probability(image, one, FORBIDDEN)
            for one in all_captions(max_words)
        }
        assert math.fsum(map(math.exp, scores.values())) < 1
        likeliest = max(scores, key=scores.get)
        assert tuple(caption(words)) == likeliest
        assert float(score) == pytest.approx(scores[likeliest], rel=1e-9)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_any_beam_finds_what_a_plain_search_finds(seed, width, make_decoder, features):
    decoder = make_decoder(seed, n_words=N_WORDS).eval()
    plain = Plain(decoder.state_dict())
    found = beam_search(decoder, features, 7, width)
    for image, words, score in zip(features, found.words, found.log_probability, strict=True):
        expected = plain_search(plain, image, 7, width)
        assert caption(words) == expected[1]
        assert float(score) == pytest.approx(expected[0], rel=1e-9)


def test_some_of_these_captions_differ_by_width_and_in_length(make_decoder, features):
    """Else the tests above would compare trivial captions."""
    found = {
        (width, seed, row): tuple(caption(words))
        for width in (1, 3)
        for seed in range(6)
        for row, words in enumerate(
            beam_search(make_decoder(seed, n_words=N_WORDS).eval(), features, 7, width).words
        )
    }
    assert len({len(words) for words in found.values()}) >= 4
    assert any(found[1, seed, row] != found[3, seed, row] for _, seed, row in found)


def test_tells_where_it_looked_before_each_word(make_decoder, features):
    decoder = make_decoder(3, n_words=N_WORDS).eval()
    plain = Plain(decoder.state_dict())
    found = beam_search(decoder, features, 7, width=3)
    for image, words, looked in zip(features, found.words, found.attention, strict=True):
        forced = plain.forced(image, caption(words))
        for (_, alpha), row in zip(forced, looked, strict=False):
            torch.testing.assert_close(row, alpha)
        assert not looked[len(forced) :].any()


def test_each_image_is_captioned_as_if_alone(make_decoder, features):
    decoder = make_decoder(5, n_words=N_WORDS).eval()
    together = beam_search(decoder, features, 7, width=3)
    for row, image in enumerate(features):
        alone = beam_search(decoder, image.unsqueeze(0), 7, width=3)
        assert caption(alone.words[0]) == caption(together.words[row])
        torch.testing.assert_close(alone.log_probability[0], together.log_probability[row])


def test_says_the_end_after_the_longest_caption_and_never_a_mark(make_decoder, features):
    decoder = make_decoder(0, n_words=N_WORDS).eval()
    decoder.output.bias.data[:] = torch.tensor([50.0, 50.0, -50.0, 0.0, 1.0, 0.0])
    words = beam_search(decoder, features, 4, width=2).words
    assert words.shape == (5, 5)
    assert (words[:, -1] == END).all()
    assert set(words[:, :-1].flatten().tolist()) <= set(SPOKEN)
