"""Progress: whole lines with the run's name, all in the log, few on the terminal."""

import pytest
from tests.training.test_history import row

from partial_backprop.training.progress import Progress, duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.6, "1m00s"), (187, "3m07s"), (7380, "2h03m")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_every_epoch_is_logged_and_the_last_one_shown(tmp_path, capsys):
    with Progress("net/pb/seed0", 4, tmp_path / "deep" / "run.log", every_s=1e9) as progress:
        for epoch in range(4):
            progress.epoch(row(epoch, 5, 1), n_images=100, seconds=0.5)
    logged = (tmp_path / "deep" / "run.log").read_text().splitlines()
    assert len(logged) == 4
    for line in logged:
        assert line.startswith("net/pb/seed0")
        for part in ("loss 0.3333", "validation 50.00 %", "200 images/s", "left"):
            assert part in line
    shown = capsys.readouterr().err.splitlines()
    assert shown == [logged[0], logged[-1]]
