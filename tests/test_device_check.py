"""The check of a device agrees with a sound one and finds what is broken."""

import itertools

import pytest
import torch

from partial_backprop import cli, device_check
from partial_backprop.device_check import Outcome, check
from partial_backprop.training.loop import backward

CPU = torch.device("cpu")


def test_a_processor_agrees_with_plain_torch():
    outcomes = check(CPU)
    assert [outcome.name for outcome in outcomes] == ["kernels", "masks", "resume", "precision"]
    assert all(outcome.ok for outcome in outcomes), outcomes


def another_step(monkeypatch):
    rates = itertools.cycle([0.01, 0.0101])
    monkeypatch.setitem(
        device_check.OPTIMIZERS, "Adam", lambda values: torch.optim.Adam(values, next(rates))
    )


def other_gradients(monkeypatch):
    drawn, scales = device_check._gradients, itertools.cycle([1.0, 1.0, 1.1])

    def scaled(step):
        scale = next(scales)
        return {name: scale * values for name, values in drawn(step).items()}

    monkeypatch.setattr(device_check, "_gradients", scaled)


def trainings_that_differ(monkeypatch):
    train, shifts = device_check.fit, itertools.count(1)

    def fit(train_state, *arguments, **options):
        train(train_state, *arguments, **options)
        train_state.model[-1].bias.data += next(shifts)

    monkeypatch.setattr(device_check, "fit", fit)


def bfloat16_for_float32(monkeypatch):
    def in_bf16(model, images, labels, _):
        return backward(model, images, labels, "bf16")

    monkeypatch.setattr(device_check, "backward", in_bf16)


def a_driver_that_raises(monkeypatch):
    def refuse(*_):
        raise RuntimeError("no kernel image\nis available")

    monkeypatch.setattr(device_check, "backward", refuse)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("kernels", another_step),
        ("masks", other_gradients),
        ("resume", trainings_that_differ),
        ("precision", bfloat16_for_float32),
        ("precision", a_driver_that_raises),
    ],
)
def test_what_is_broken_is_told_in_one_line(name, broken, monkeypatch):
    monkeypatch.setattr(device_check, "CHECKS", {name: device_check.CHECKS[name]})
    broken(monkeypatch)
    (outcome,) = check(CPU)
    assert not outcome.ok
    assert outcome.detail
    assert "\n" not in str(outcome)


@pytest.mark.parametrize("ok", [True, False])
def test_the_exit_status_tells(ok, monkeypatch, capsys):
    monkeypatch.setattr(device_check, "check", lambda device: [Outcome("masks", ok, str(device))])
    assert cli.main(["check", "--device", "cpu"]) == int(not ok)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("masks")
    assert line.endswith("cpu")
    assert ("OK" in line) == ok
