"""How a verdict fares at other learning rates: public types, parts of a leaderboard."""

from __future__ import annotations

from dataclasses import dataclass

from medcot_bench.results.comparisons import Persistence


@dataclass(frozen=True, slots=True)
class AtRates:
    """A comparison of full fine-tuning with an adapter, each at one learning rate."""

    full: float
    adapter: float
    found: Persistence


@dataclass(frozen=True, slots=True)
class RateCheck:
    """One verdict at every pair of learning rates that the search could not tell from the best."""

    pairs: tuple[AtRates, ...]
    """The first is at the chosen rates."""

    @property
    def found(self) -> Persistence:
        """The comparison at the chosen rates."""
        return self.pairs[0].found

    def is_of(self, found: Persistence) -> bool:
        """Whether it is about this comparison."""
        names = [(one.task, one.adapter, one.score, one.out_of_domain.task) for one in (self.found, found)]
        return names[0] == names[1]

    @property
    def agreeing(self) -> int:
        """The number of pairs with the verdict of the chosen rates."""
        return sum(pair.found.verdict == self.found.verdict for pair in self.pairs)

    @property
    def robust(self) -> bool:
        """Whether the verdict is the same at every pair."""
        return self.agreeing == len(self.pairs)

    @property
    def in_domain(self) -> tuple[float, float]:
        """The least and the largest gap in domain."""
        return _range([pair.found.in_domain.gap.found.value for pair in self.pairs])

    @property
    def out_of_domain(self) -> tuple[float, float]:
        """The least and the largest gap out of domain."""
        return _range([pair.found.out_of_domain.gap.found.value for pair in self.pairs])


def _range(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)
