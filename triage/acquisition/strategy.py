"""Base class of strategies: a pool and places in, an ordered choice with its reasons out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from triage.acquisition.pool import Doubles, Pool
from triage.acquisition.seats import Seats
from triage.errors import UsageError
from triage.registry import Info

ENSEMBLE = "an ensemble of at least two members"
FLAG = "a system with the head `introspective`"
COSTS = "the expected clinical cost of each case and its reading time"


@dataclass(frozen=True)
class StrategyInfo(Info):
    """Description of a strategy.

    Parameters
    ----------
    prefers : str
        Which cases it takes, for the table.
    reason : str
        Why a case was chosen, in a sentence for its reader. It names neither a condition nor an
        opinion, since a first read is blind.
    """

    prefers: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """What a strategy chose.

    Parameters
    ----------
    rows : tuple of int
        Of the pool, in the order in which they are to be labelled.
    values : tuple of float
        What each row was chosen by.
    unit : str
        Of `values`.
    notes : tuple of str
        What else the result has to say, in sentences.
    """

    rows: tuple[int, ...]
    values: tuple[float, ...]
    unit: str
    notes: tuple[str, ...] = ()


class Strategy(ABC):
    """Chooses which cases are labelled next."""

    info: ClassVar[StrategyInfo]

    @abstractmethod
    def choose(self, pool: Pool, n: int, seed: int = 0) -> Choice:
        """Choose cases.

        Parameters
        ----------
        pool : Pool
            With groups, the places are shared evenly among these.
        n : int
            From 1 to the number of cases.
        seed : int
            Of what is drawn.

        Raises
        ------
        UsageError
            If the pool is empty, n is out of its range, or the pool lacks what is needed.
        """


class RankedStrategy(Strategy):
    """A strategy that gives every case a number, and takes the largest."""

    unit: ClassVar[str]

    @abstractmethod
    def values(self, pool: Pool, seed: int = 0) -> Doubles:
        """Return the number of each case, float64 [N]."""

    def choose(self, pool: Pool, n: int, seed: int = 0) -> Choice:
        """Take the n largest, within the places of each group."""
        seats = Seats(pool, n)
        values = self.values(pool, seed)
        rows = seats.best(values)
        return Choice(rows, tuple(float(values[row]) for row in rows), self.unit)


def require_ensemble(pool: Pool, strategy: str) -> None:
    """Refuse a pool of a single member.

    Raises
    ------
    UsageError
    """
    if pool.members.shape[1] < 2:
        raise UsageError(
            "the system has one member, and one member never disagrees with itself",
            where=f"--strategy {strategy}",
            hint="Use margin, or train an ensemble (--members 5).",
        )
