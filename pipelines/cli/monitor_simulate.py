"""Verb: control charts on simulated streams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.console import Json, say

if TYPE_CHECKING:
    from triage.monitoring.simulated_streams import RepeatedStreams, SimulatedStream
    from triage.monitoring.stream_scenario import StreamScenario

ScenarioFile = Annotated[
    Path, typer.Option("--scenario", help="Stream, change and charts (YAML or JSON).")
]


def add_simulate(group: typer.Typer) -> None:
    """Add the verb to its group."""
    group.command("simulate")(monitor_simulate)


def monitor_simulate(scenario: ScenarioFile, as_json: Json = False) -> None:
    """Run control charts on a simulated stream, and print the day of the first alarm of each.

    Days count from 0. An alarm before the change is a false alarm.

    Example: triage monitor simulate --scenario scenario.yaml
    """
    from triage.monitoring.simulated_streams import simulate_streams
    from triage.monitoring.stream_scenario import load_scenario

    settings = load_scenario(scenario)
    found = simulate_streams(settings)
    value: dict[str, Any] = {name: result.first_alarm_day for name, result in found.items()}
    value["details"] = {name: result.model_dump(mode="json") for name, result in found.items()}
    lines = [line for name, result in found.items() for line in _lines(name, result, settings)]
    say(as_json, value, *lines)


def _lines(name: str, result: SimulatedStream, scenario: StreamScenario) -> list[str]:
    lines = [f"{name}: {_first(result, scenario)}"]
    if (design := result.design) is not None:
        lines.append(
            f"  chart from {design.p0:.2%} to {design.p1:.2%}, limit {design.limit} steps, "
            f"{design.false_alarm:.1%} false alarms in {design.horizon:,} cases"
        )
    if result.repeats is not None:
        lines += _repeat_lines(result.repeats, scenario)
    return lines


def _first(result: SimulatedStream, scenario: StreamScenario) -> str:
    if result.note:
        return result.note
    if result.first_alarm_day is None:
        return f"no alarm in {scenario.days} days"
    first = f"first alarm on day {result.first_alarm_day}"
    if not result.false_alarm:
        return f"{first}, {result.delay_days} days from the change"
    if scenario.change_day is None:
        return f"{first}: a false alarm, nothing changed"
    first += f": a false alarm, {scenario.change_day - (result.first_alarm_day or 0)} days early"
    if result.found_day is None:
        return f"{first}; the change was not found"
    return f"{first}; the change was found on day {result.found_day}"


def _repeat_lines(repeats: RepeatedStreams, scenario: StreamScenario) -> list[str]:
    lines = [f"  {repeats.n} streams"]
    if repeats.not_enough:
        lines[0] += f", {repeats.not_enough} more without enough baseline cases"
    if repeats.false_alarm_share is None:
        return lines
    span = scenario.days if scenario.change_day is None else scenario.change_day
    lines.append(f"  {repeats.false_alarm_share:.1%} with a false alarm in {span} days")
    if repeats.found_share is not None:
        lines.append(
            f"  {repeats.found_share:.1%} with an alarm from the change on; days to it (1 is the "
            f"day of the change): median {_number(repeats.delay_days['median'])}, 10 % "
            f"{_number(repeats.delay_days['q10'])}, 90 % {_number(repeats.delay_days['q90'])}"
        )
    return lines


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
