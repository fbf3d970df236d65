"""When masks are made and hold, epoch by epoch."""

import pytest

from partial_backprop import UserError
from partial_backprop.freezing.schedule import Schedule


def masks_and_full(schedule: Schedule, epochs) -> tuple[list[int], list[int]]:
    masked_at, full = (), []
    for epoch in epochs:
        if schedule.is_due(epoch, masked_at):
            masked_at = (*masked_at, epoch)
        if schedule.is_full(epoch):
            full.append(epoch)
    return list(masked_at), full


@pytest.mark.parametrize(
    ("schedule", "masks", "full"),
    [
        (Schedule(2), [2], []),
        (Schedule(0), [0], []),
        (Schedule(2, epochs=110), [2], []),
        (Schedule(2, remask_every=35, epochs=110), [2, 37, 72, 107], []),
        (Schedule(2, full_epochs_at_end=1, epochs=110), [2], [109]),
        (Schedule(1, 2, 3, 110), list(range(1, 107, 2)), [107, 108, 109]),
        (
            Schedule(2, remask_every=1, full_epochs_at_end=105, epochs=110),
            [2, 3, 4],
            [*range(5, 110)],
        ),
    ],
)
def test_over_110_epochs(schedule, masks, full):
    assert masks_and_full(schedule, range(110)) == (masks, full)


def test_a_mask_that_was_missed_is_made_late():
    assert masks_and_full(Schedule(2, remask_every=5), [0, 4, 6, 9, 20, 21, 22]) == (
        [4, 9, 20, 22],
        [],
    )


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((-1,), "start_epoch.*least"),
        ((2, 0), "remask_every.*least"),
        ((2, None, -1, 10), "full_epochs_at_end.*least"),
        ((0, None, 0, 0), "epochs"),
        ((2, None, 1), "full_epochs_at_end.*epochs"),
        ((2, None, 1, 3), "epoch"),
        ((3, None, 0, 3), "epoch"),
    ],
)
def test_impossible_schedules_are_refused(numbers, message):
    with pytest.raises(UserError, match=message):
        Schedule(*numbers)


def test_epochs_go_upwards_and_end():
    schedule = Schedule(2, epochs=4)
    schedule.check(0, None)
    schedule.check(3, 3)
    with pytest.raises(UserError, match="begin"):
        schedule.check(2, 3)
    with pytest.raises(UserError, match="epoch -1 cannot begin"):
        schedule.check(-1, None)
    with pytest.raises(UserError, match="beyond"):
        schedule.check(4, 3)
