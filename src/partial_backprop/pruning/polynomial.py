"""How much is to be pruned after how many steps: fast at first, then ever slower."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PolynomialSchedule:
    """A share of zeros that grows with the steps of a training, along a polynomial."""

    # *Departures.* The tool that the source used prunes at multiples of its frequency only, and so
    # ends short of the final share wherever `end_step` is none of them. Here the last pruning
    # always takes place.
    # Source: pruning_logs, weight pruning; Zhu and Gupta, "To prune, or not to prune", arXiv
    # 1710.01878, 2017

    # number of finished steps at which the last pruning takes place, at least `begin_step`
    end_step: int
    begin_step: int = 0  # number of finished steps at which the first one does, 0 or more
    initial: float = 0.5  # share of zeros at the first pruning, in [0, 1)
    final: float = 0.8  # share of zeros at the last, in [0, 1)
    # exponent, greater than 0: 1 is a straight line, and the larger it is, the more is pruned early
    power: float = 3.0
    # steps from one pruning to the next, at least 1; the last interval may be shorter
    frequency: int = 100

    def __post_init__(self) -> None:
        for name in ("initial", "final"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be from 0 to below 1, got {getattr(self, name)}")
        if self.power <= 0:
            raise ValueError(f"power must be greater than 0, got {self.power}")
        if self.frequency < 1:
            raise ValueError(f"frequency must be 1 or more, got {self.frequency}")
        if not 0 <= self.begin_step <= self.end_step:
            raise ValueError(
                f"the steps must satisfy 0 <= begin_step ({self.begin_step}) <= end_step "
                f"({self.end_step})"
            )

    def share(self, step: int) -> float:
        """Return the share of zeros that a pruning aims at."""
        if step >= self.end_step:
            return self.final
        if step <= self.begin_step:
            return self.initial
        left = (self.end_step - step) / (self.end_step - self.begin_step)
        return self.final + (self.initial - self.final) * left**self.power

    def prunes_at(self, step: int) -> bool:
        """Tell whether there is a pruning."""
        if not self.begin_step <= step <= self.end_step:
            return False
        return step == self.end_step or (step - self.begin_step) % self.frequency == 0
