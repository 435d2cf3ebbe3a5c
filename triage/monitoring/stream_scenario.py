"""Settings of a simulated stream of cases, from a YAML or JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.strict_yaml import load_model

SimulatedChart = Literal["ood_rate", "abstention_rate", "override_rate"]
SIMULATED_CHARTS: tuple[SimulatedChart, ...] = get_args(SimulatedChart)
MOST_CASES = 10_000_000
"""Largest number of cases of a stream."""
MOST_SIMULATED = 2_000_000_000
"""Largest number of cases of all charts and repeats."""

Rate = Annotated[float, Field(ge=0.0, le=1.0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StreamRates(_Frozen):
    """Rates of a stream; each chart watches one."""

    ood_rate: Rate | None = None
    abstention_rate: Rate | None = None
    override_rate: Rate | None = None

    def of(self, chart: SimulatedChart) -> float | None:
        """Return the rate that a chart watches; None where it is not given."""
        value: float | None = getattr(self, chart)
        return value


class StreamChange(StreamRates):
    """Rates from a day on; those that are not given stay as they are."""

    day: int = Field(ge=0)


class StreamScenario(_Frozen):
    """What is simulated.

    Parameters
    ----------
    seed : int
    days : int
        Length of the stream; its first day is day 0.
    cases_per_day : float
        Visits, 1 or more; a fraction makes some days longer by one.
    baseline : StreamRates
        True rates before the change.
    change : StreamChange, optional
        True rates from the beginning of `change.day` on.
    charts : tuple of str, optional
        Else all whose rate the baseline has.
    direction : str
        Whether the charts watch for a rise or a fall.
    alternatives : StreamRates
        Rates that the charts are made to find; else by `default_alternative`, a rule that knows
        the rate in control only, never the change.
    baseline_cases : int, optional
        Cases that each chart estimates its rate in control from, drawn anew in each repeat; else
        it knows the true rate.
    false_alarm : float, optional
        Probability of a false alarm of each chart within the horizon; else as
        `triage.monitoring.alarm_budget.share_of_budget` says for so many charts.
    horizon_days : int
    repeats : int
        Streams that are simulated.
    """

    seed: int = Field(ge=0)
    days: int = Field(ge=1)
    cases_per_day: float = Field(ge=1)
    baseline: StreamRates
    change: StreamChange | None = None
    charts: tuple[SimulatedChart, ...] | None = None
    direction: Literal["rise", "fall"] = "rise"
    alternatives: StreamRates = StreamRates()
    baseline_cases: int | None = Field(default=None, ge=0)
    false_alarm: float | None = Field(default=None, gt=0, lt=1)
    horizon_days: int = Field(default=90, ge=1)
    repeats: int = Field(default=1, ge=1, le=100_000)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.watched:
            raise ValueError("there is no chart: give charts, and their rates in baseline")
        if len(set(self.watched)) < len(self.watched):
            raise ValueError("charts names a chart twice")
        lacking = [name for name in self.watched if self.baseline.of(name) is None]
        if lacking:
            raise ValueError(f"baseline lacks {', '.join(lacking)}")
        longest = max(self.days, self.horizon_days) * self.cases_per_day
        if longest > MOST_CASES:
            raise ValueError(f"a stream or horizon of {longest:.3g} cases is too long")
        if self.n_cases * self.repeats * len(self.watched) > MOST_SIMULATED:
            raise ValueError("days * cases_per_day * repeats is too large")
        if self.baseline_cases is not None and self.baseline_cases > MOST_CASES:
            raise ValueError(f"baseline_cases is larger than {MOST_CASES}")
        return self

    @property
    def watched(self) -> tuple[SimulatedChart, ...]:
        """The charts."""
        if self.charts is not None:
            return self.charts
        return tuple(name for name in SIMULATED_CHARTS if self.baseline.of(name) is not None)

    @property
    def n_cases(self) -> int:
        """Cases of a stream."""
        return self.cases_before(self.days)

    @property
    def horizon(self) -> int:
        """Cases that the budget of false alarms is for."""
        return self.cases_before(self.horizon_days)

    @property
    def change_day(self) -> int | None:
        """First day with changed rates; None where it is not within the stream."""
        if self.change is None or self.change.day >= self.days:
            return None
        return self.change.day

    def cases_before(self, day: int) -> int:
        """Return how many cases come before a day."""
        return int(day * self.cases_per_day)


def load_scenario(path: str | Path) -> StreamScenario:
    """Read a scenario.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML or JSON, or has an unknown key or an impossible value;
        every problem is listed.
    """
    return load_model(Path(path), StreamScenario, "scenario")
