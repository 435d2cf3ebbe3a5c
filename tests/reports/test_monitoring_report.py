"""The report of a run of monitoring: the page, the CSV files, and the tables of the terminal."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.terminal.monitoring_tables import alarm_table, monitoring_tables
from tests.html_page import EVIL, Page
from tests.monitoring.made_result import made_charts, made_result
from triage.errors import UsageError
from triage.monitoring.monitoring_result import MonitoringResult
from triage.reports.monitoring.write_report import write_monitoring_report


def written(folder: Path, result: MonitoringResult) -> dict[str, str]:
    paths = write_monitoring_report(result, folder)
    assert [one.name for one in paths] == ["monitoring.html", "charts.csv", "alarms.csv"]
    return {one.name: one.read_text(encoding="utf-8") for one in paths}


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_page_has_verdicts_alarms_and_charts(tmp_path: Path) -> None:
    result = made_result()
    page = written(tmp_path / "out", result)["monitoring.html"]
    assert "5 in control, 3 with an alarm, 1 without enough evidence, 1 not available" in page
    assert page.index("Verdict of each chart") < page.index("Alarms that are not closed")
    assert page.index("Closed alarms") < page.index('id="ood_rate"')
    assert page.count("<svg") == sum(bool(one.points) for one in result.charts)
    for words in (
        "nobody",
        "An expected change",
        "not available: the run made no such chart",
        "What this monitoring cannot see",
        "No label has arrived.",
    ):
        assert words in page  # fmt: skip
    assert "A locum &lt;b&gt;reads" in page
    assert len(set(re.findall(r' id="([^"]+)"', page))) == len(re.findall(r' id="([^"]+)"', page))
    read = Page(page)
    assert not read.all("script")
    assert len(read.all("svg")) == page.count("<svg")
    assert "http:" not in re.sub(r'content="[^"]*"', "", page)


def test_every_point_and_every_alarm_is_in_the_csv_files(tmp_path: Path) -> None:
    result = made_result()
    files = written(tmp_path, result)
    points = rows_of(files["charts.csv"])
    assert len(points) == sum(max(len(one.points), 1) for one in result.charts)
    of_clinic = [row for row in points if row["level"] == "clinic 7"]
    (series,) = [one for one in result.charts if one.level == "clinic 7"]
    for row, point in zip(of_clinic, series.points, strict=True):
        assert row["at"] == point.at.isoformat()
        assert int(row["n_cases"]) == point.n_cases
        assert row["alarm"] == str(point.alarm).lower()
        assert (float(row["value"]) if row["value"] else None) == point.value
        assert (float(row["statistic"]) if row["statistic"] else None) == point.statistic
    alarms = rows_of(files["alarms.csv"])
    assert [row["id"] for row in alarms] == ["3", "2", "1"]
    assert [row["owner"] for row in alarms] == ["", "'=Gus", "Gus"]  # no formula
    assert alarms[0]["facts.statistic"] == "4.6"
    assert alarms[0]["facts.distance"] == ""


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path / "a", made_result())
    assert written(tmp_path / "b", made_result()) == first
    assert written(tmp_path / "a", made_result()) == first  # over an earlier report
    again = MonitoringResult.model_validate(made_result().model_dump(mode="json"))
    assert written(tmp_path / "c", again) == first
    assert written(tmp_path / "d", made_result(n_cases=1)) != first


def test_a_run_without_a_chart_is_a_report(tmp_path: Path) -> None:
    empty = made_result(charts=(), alarms=(), notes=(), since=None, until=None, n_cases=0)
    files = written(tmp_path, empty)
    assert "the run made no chart" in files["monitoring.html"]
    assert "No alarm is open." in files["monitoring.html"]
    assert len(files["charts.csv"].splitlines()) == 1


def test_names_from_the_data_are_never_markup(tmp_path: Path) -> None:
    bad = f'">{EVIL}'
    (series, *_) = made_charts()
    result = made_result(
        charts=(series.model_copy(update={"axis": "site", "level": bad, "note": bad}),),
        notes=(bad,),
    )
    page = written(tmp_path, result)["monitoring.html"]
    assert not Page(page).all("script")
    assert "\u202e" not in page


def test_other_files_of_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("{}")
    written(tmp_path, made_result())
    assert (tmp_path / "result.json").read_text() == "{}"
    with pytest.raises(UsageError, match="is a file"):
        write_monitoring_report(made_result(), tmp_path / "result.json")


def shown(*parts: object) -> str:
    console = Console(width=240, record=True, file=io.StringIO())
    for part in parts:
        console.print(part)
    return console.export_text()


def test_the_terminal_shows_alarms_first() -> None:
    text = shown(*monitoring_tables(made_result()))
    lines = [line for line in text.splitlines() if "│" in line]
    verdicts = [
        next(word for word in ("not enough evidence", "not available", "in control", "alarm")
             if word in line)
        for line in lines[:9]
    ]  # fmt: skip
    assert verdicts == ["alarm"] * 3 + ["not enough evidence"] + ["in control"] * 5
    for words in (
        "5.7 % [2.6 to 11.9 %], n 105",
        "An expected change",
        "No case came from",
        "Out-of-distribution rate (Site: clinic with a rather long name, east wing): Of",
    ):
        assert words in text  # fmt: skip
    assert alarm_table(()) == "No alarm was raised."
