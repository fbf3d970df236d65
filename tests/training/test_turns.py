"""Pieces of work that take turns find what they find alone."""

import pytest
import torch

from partial_backprop.training.turns import Lane, finish, take_turns

CPU = torch.device("cpu")


def drawing(seed, n, seen):
    """Draw n numbers, one a step, from torch's own generator."""
    torch.manual_seed(seed)
    found = []
    for _ in range(n):
        found.append(float(torch.rand(())))
        seen.append(seed)
        yield
    return found


def test_each_draws_what_it_draws_alone():
    alone = [finish(drawing(seed, n, [])) for seed, n in ((1, 3), (2, 1), (3, 0))]
    seen = []
    works = [drawing(1, 3, seen), drawing(2, 1, seen), drawing(3, 0, seen)]
    assert take_turns(works, [Lane(CPU) for _ in works]) == alone
    assert [len(found) for found in alone] == [3, 1, 0]
    assert seen == [1, 2, 1, 1]


def test_the_caller_s_random_numbers_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = torch.rand(())
    take_turns([drawing(1, 3, [])], [Lane(CPU)])
    assert torch.equal(torch.stack([first, torch.rand(())]), expected)


def test_work_without_seed_goes_on_from_where_the_generator_stood():
    def one():
        value = float(torch.rand(()))
        yield
        return value

    torch.manual_seed(5)
    expected = float(torch.rand(()))
    torch.manual_seed(5)
    assert take_turns([one(), one()], [Lane(CPU), Lane(CPU)]) == [expected, expected]


def test_an_error_stops_all_and_puts_random_numbers_back():
    def failing():
        yield
        torch.manual_seed(0)
        raise ValueError("no more")

    torch.manual_seed(5)
    expected = torch.rand(())
    torch.manual_seed(5)
    seen = []
    with pytest.raises(ValueError, match="no more"):
        take_turns([drawing(1, 9, seen), failing()], [Lane(CPU), Lane(CPU)])
    assert seen == [1, 1]
    assert torch.equal(torch.rand(()), expected)
