"""The group of verbs on monitoring."""

from __future__ import annotations

import typer

from pipelines.cli.monitor_alarms import add_alarms
from pipelines.cli.monitor_run import add_runs
from pipelines.cli.monitor_simulate import add_simulate

monitor_app = typer.Typer(
    no_args_is_help=True, help="Monitoring of a system in use.", rich_markup_mode=None
)
add_simulate(monitor_app)
add_runs(monitor_app)
add_alarms(monitor_app)
