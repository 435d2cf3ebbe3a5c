"""Write the report of a run of monitoring into a folder."""

from __future__ import annotations

from pathlib import Path

from triage.monitoring.monitoring_result import MonitoringResult
from triage.reports.monitoring.build_monitoring import build_monitoring
from triage.reports.monitoring.result_tables import alarms_table, points_table
from triage.reports.render.html import render_html
from triage.reports.report_folder import report_folder, write_all


def write_monitoring_report(result: MonitoringResult, out: str | Path) -> list[Path]:
    """Write `monitoring.html`, `charts.csv` and `alarms.csv`, all of them or none.

    The same result gives the same bytes: no clock is read.

    Parameters
    ----------
    result : MonitoringResult
    out : str or Path
        Folder; it is made where it is not there, and other files in it stay.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    folder = Path(out)
    files = {
        "monitoring.html": render_html(build_monitoring(result)).encode(),
        "charts.csv": points_table(result),
        "alarms.csv": alarms_table(result.alarms),
    }
    with report_folder(folder):
        write_all(folder, files)
    return [folder / name for name in files]
