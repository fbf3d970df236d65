"""The decoder against a plain one, word by word, and in the limits where its values are known."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.captioning.plain_decoder import Plain

from partial_backprop.captioning.attention import Attention
from partial_backprop.captioning.batches import Batch
from partial_backprop.captioning.loop import backward, doubly_stochastic, losses
from partial_backprop.captioning.vocabulary import END, PAD, START

LENGTHS = torch.tensor([6, 4, 4, 3, 2])


@pytest.fixture
def words():
    """Captions of the lengths above: start, words, end and padding."""
    drawn = torch.randint(3, 7, (5, 6), generator=torch.Generator().manual_seed(2))
    drawn[:, 0] = START
    for row, length in zip(drawn, LENGTHS, strict=True):
        row[length - 1] = END
        row[length:] = PAD
    return drawn


def test_equals_the_plain_decoder_word_by_word(make_decoder, features, words):
    decoder = make_decoder()
    found = decoder(features, words, LENGTHS)
    plain = Plain(decoder.state_dict())
    looked = torch.zeros_like(found.looked)
    n_words = 0
    for caption, length in enumerate(LENGTHS.tolist()):
        truth = words[caption, :length].tolist()
        for time, (logits, alpha) in enumerate(plain.forced(features[caption], truth)):
            place = ((found.rows == caption) & (found.times == time)).nonzero().item()
            torch.testing.assert_close(found.logits[place], logits)
            assert found.targets[place] == truth[time + 1]
            looked[caption] += alpha
            n_words += 1
    assert len(found.logits) == n_words == int((LENGTHS - 1).sum())
    torch.testing.assert_close(found.looked, looked)


def test_padding_is_neither_read_nor_learned_from(make_decoder, features, words):
    decoder = make_decoder()
    found = decoder(features, words, LENGTHS)
    torch.stack(losses(found)).sum().backward()
    gradients = [parameter.grad.clone() for parameter in decoder.parameters()]
    decoder.zero_grad()
    longer = F.pad(words, (0, 3), value=5)
    for row, length in zip(longer, LENGTHS, strict=True):
        row[length:] = 5
    again = decoder(features, longer, LENGTHS)
    torch.stack(losses(again)).sum().backward()
    assert torch.equal(found.logits, again.logits)
    for before, parameter in zip(gradients, decoder.parameters(), strict=True):
        assert torch.equal(before, parameter.grad)
    assert not decoder.embedding.weight.grad[PAD].any()


def test_its_gradients_are_those_of_finite_differences(make_decoder, features, words):
    decoder = make_decoder()
    names, values = zip(*decoder.named_parameters(), strict=True)

    def loss(*arguments):
        found = torch.func.functional_call(
            decoder, dict(zip(names, arguments, strict=True)), (features, words, LENGTHS)
        )
        return sum(losses(found))

    assert torch.autograd.gradcheck(loss, values)


def test_captions_come_from_long_to_short(make_decoder, features, words):
    with pytest.raises(ValueError, match="from long to short"):
        make_decoder()(features, words, LENGTHS.flip(0))


def test_dropout_is_off_in_evaluation(make_decoder, features, words):
    decoder = make_decoder(dropout=0.5)
    first, second = (decoder(features, words, LENGTHS).logits for _ in range(2))
    assert not torch.equal(first, second)
    decoder.eval()
    first, second = (decoder(features, words, LENGTHS).logits for _ in range(2))
    assert torch.equal(first, second)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 9))
def test_attention_is_a_distribution_and_the_context_within_the_features(seed, n_locations):
    torch.manual_seed(seed)
    attention = Attention(3, 2, 4)
    features, state = torch.randn(2, n_locations, 3), torch.randn(2, 2)
    context, alpha = attention(features, attention.of_features(features), state)
    torch.testing.assert_close(alpha.sum(dim=1), torch.ones(2))
    assert (alpha >= 0).all()
    assert (context <= features.amax(dim=1) + 1e-5).all()
    assert (context >= features.amin(dim=1) - 1e-5).all()


def test_equal_scores_look_everywhere_alike(features):
    attention = Attention(6, 2, 4).double()
    torch.nn.init.zeros_(attention.score.weight)
    context, alpha = attention(
        features, attention.of_features(features), torch.randn(5, 2).double()
    )
    assert torch.equal(alpha, torch.full((5, 4), 0.25, dtype=torch.float64))
    torch.testing.assert_close(context, features.mean(dim=1))


def test_locations_in_another_order_are_looked_at_in_that_order(make_decoder, features, words):
    decoder, order = make_decoder(), torch.tensor([2, 0, 3, 1])
    first = decoder(features, words, LENGTHS)
    second = decoder(features[:, order], words, LENGTHS)
    torch.testing.assert_close(first.looked[:, order], second.looked)
    torch.testing.assert_close(first.logits, second.logits)


def test_looking_once_at_each_location_costs_nothing():
    assert doubly_stochastic(torch.ones(3, 4)) == 0
    # A caption of two words that looks at one of four locations only: (1 + 1 + 1 + (1 − 2)²) / 4.
    assert doubly_stochastic(torch.tensor([[0.0, 0.0, 0.0, 2.0]])) == 1


def test_a_word_that_is_not_said_has_no_gradient(make_decoder, features, words):
    decoder = make_decoder(n_words=9)
    sum(losses(decoder(features, words, LENGTHS))).backward()
    said = words[:, :-1][words[:, :-1] != END].unique()  # the end is predicted, never heard
    heard = decoder.embedding.weight.grad.any(dim=1).nonzero().squeeze(1)
    assert set(heard.tolist()) == set(said.tolist()) - {PAD}


def test_the_loss_is_a_mean_over_words(make_decoder, features, words):
    decoder = make_decoder()
    plain = Plain(decoder.state_dict())
    total = sum(
        plain.log_probability(image, caption[:length].tolist(), [])
        for image, caption, length in zip(features, words, LENGTHS, strict=True)
    )
    cross_entropy, _ = losses(decoder(features, words, LENGTHS))
    assert cross_entropy.item() == pytest.approx(-total / int((LENGTHS - 1).sum()))


def test_the_second_term_weighs_what_it_is_given(make_decoder, features, words):
    decoder = make_decoder()
    batch = Batch(features, words, LENGTHS, torch.arange(5))
    gradients = []
    for weight in (0.0, 1.0, 3.0):
        decoder.zero_grad(set_to_none=True)
        terms = backward(decoder, batch, weight)
        gradients.append(torch.cat([one.grad.flatten() for one in decoder.parameters()]))
    none, one, three = gradients
    torch.testing.assert_close(three - one, 2 * (one - none))
    assert (one - none).abs().max() > 0
    torch.testing.assert_close(terms[0], losses(decoder(features, words, LENGTHS))[0].detach())
