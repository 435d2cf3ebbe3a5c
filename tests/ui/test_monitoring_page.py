from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.monitoring.made_result import made_result
from tests.store.make import bundle
from tests.ui.conftest import Pages, everything, press, shown, sign_in_without_a_browser
from tests.ui.make_accounts import account
from tests.ui.make_monitored import add_run, date_runs, fill_monitored
from triage.accounts import Role
from triage.monitoring.alarms import alarms, assign_alarm, close_alarm, set_monitoring_plan
from triage.monitoring.monitored_systems import monitored_systems
from triage.store import Store, events, open_store, register_bundle, set_champion
from triage.store.base import utc_now
from triage.vocabulary.event_types import EventType
from triage.vocabulary.monitoring import AlarmState, ClosingReason
from ui.page_paths import PagePath


class Monitored:
    """The page over one database, and the database itself."""

    def __init__(self, store: Store, pages: Pages, numbers: list[int]) -> None:
        self.store, self.pages, self.numbers = store, pages, numbers

    def open(self, reader: str = "Gus", **parameters: str) -> AppTest:
        app = self.pages.open(reader=reader, page=PagePath.MONITORING, **parameters)
        assert not app.exception
        return app

    def alarm(self, at: int) -> tuple[str, str | None, str | None]:
        """State, owner and closing reason of an alarm of `made_alarms`."""
        with self.store.reading() as session:
            (row,) = [one for one in alarms(session) if one.id == self.numbers[at]]
            return row.state, row.owner, row.closing_reason

    def steps(self, kind: EventType) -> int:
        with self.store.reading() as session:
            return sum(one.kind == kind for one in events(session))


@pytest.fixture
def monitored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Monitored:
    empty = _empty(tmp_path, monkeypatch)
    empty.numbers = fill_monitored(empty.store)
    return empty


def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Monitored:
    url = f"sqlite:///{tmp_path / 'cases.db'}"
    store = open_store(url, create=True)
    for name, role in (
        ("Gus", Role.GOVERNANCE),
        ("Greta", Role.GOVERNANCE),
        ("Eve", Role.ENGINEER),
        ("Rhea", Role.READER),
    ):
        account(store, name, role)
    sign_in_without_a_browser(monkeypatch, url)
    return Monitored(store, Pages(url, {}), [])


def test_verdicts_stand_first_then_alarms_then_charts(monitored: Monitored) -> None:
    app = monitored.open()
    assert [one.value for one in app.header] == ["Verdicts", "Alarms", "Charts"]
    text, sent = shown(app), everything(app)
    assert "**3 charts have an alarm**; 1 without enough evidence; 5 in control" in text
    assert "Last run today" in text
    assert "No case came from 10 September" in text.replace("\\", "")
    for words in ("? Not enough evidence", "Of the 30 cases", "n = 105", "Open, no owner"):
        assert words in sent
    assert sent.index("▼ Alarm") < sent.index("✓ In control")
    assert sent.count("data:image/svg+xml;base64,") == 5  # all charts of all cases


def test_the_address_chooses_charts(monitored: Monitored) -> None:
    app = monitored.open(chart="ood_rate", stream="site:clinic 7")
    assert [one.value for one in app.subheader][1:] == [
        "Out\\-of\\-distribution rate\\. Site\\: clinic 7"
    ]
    app.selectbox(key="monitoring-stream").select("every").run()
    assert len(app.subheader) == 1 + 5
    assert app.query_params["stream"] == "every"
    app = monitored.open(chart="input_drift", stream="skin_type:VI")
    assert "There is no such chart of these cases" in shown(app)
    app = monitored.open(chart="<b>", stream="site:nowhere", alarm="x", system="y")
    assert len(app.subheader) == 1 + 5


def test_governance_assigns_and_closes(monitored: Monitored) -> None:
    number = monitored.numbers[0]
    app = monitored.open(alarm=str(number))
    app = press(app, "Close the alarm")
    assert "Assign it first" in shown(app)
    (owner,) = [one for one in app.selectbox if one.label == "Owner"]
    assert owner.options == ["Gus", "Greta", "Eve"]
    owner.select("Greta")
    app = press(app, "Assign")
    assert f"Alarm {number} is assigned to Greta" in shown(app)
    assert monitored.alarm(0) == ("assigned", "Greta", None)
    app.selectbox(key="alarm").select(number).run()
    app = press(app, "Close the alarm")
    assert "Choose why it is closed" in shown(app)
    (reason,) = [one for one in app.selectbox if one.label == "Why it is closed"]
    reason.select(ClosingReason.ACTED_ON)
    app = press(app, "Close the alarm")
    assert "State what was found" in shown(app)
    (comment,) = app.text_area
    comment.input("The new camera of clinic 7 is calibrated.")
    app = press(app, "Close the alarm")
    assert f"Alarm {number} is closed" in shown(app)
    assert monitored.alarm(0) == ("closed", "Greta", "acted_on")
    assert "The new camera of clinic 7 is calibrated." in everything(app)


def test_a_form_that_is_sent_twice_counts_once(monitored: Monitored) -> None:
    number = monitored.numbers[0]
    before = monitored.steps(EventType.ALARM_ASSIGNED)
    app, other = monitored.open(alarm=str(number)), monitored.open(alarm=str(number))
    press(app, "Assign")
    other = press(other, "Assign")  # the same form, from a page of before
    assert monitored.steps(EventType.ALARM_ASSIGNED) == before + 1
    with monitored.store.transaction() as session:
        close_alarm(session, number, ClosingReason.FALSE_ALARM, "Looked at.", actor="Greta")
    press(app, "Assign")
    press(other, "Close the alarm")
    assert monitored.alarm(0) == ("closed", "Gus", "false_alarm")
    assert monitored.steps(EventType.ALARM_ASSIGNED) == before + 1


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    monitored: Monitored, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = monitored.numbers[0]
    app = monitored.open(alarm=str(number))
    with monitored.store.reading() as session:
        old = monitored_systems(session)
    with monitored.store.transaction() as session:
        assign_alarm(session, number, "Eve", actor="Greta")
    monkeypatch.setattr("ui.monitoring_page.monitored_systems", lambda _: old)
    app = press(app, "Assign")
    assert "has changed since it was shown: it is assigned, owner Eve" in shown(app).replace(
        "\\", ""
    )
    assert monitored.alarm(0) == (AlarmState.ASSIGNED, "Eve", None)


def test_an_engineer_sees_and_changes_nothing(monitored: Monitored) -> None:
    app = monitored.open("Eve")
    assert "Governance assigns and closes alarms" in shown(app)
    assert not app.button


def test_readers_have_no_such_page(monitored: Monitored) -> None:
    app = monitored.pages.open(reader="Rhea", page=PagePath.MONITORING)
    assert app.title[0].value == "Worklist"


def test_an_old_run_is_said_to_be_old(monitored: Monitored) -> None:
    date_runs(monitored.store, utc_now() - timedelta(days=9, hours=1))
    text = shown(monitored.open())
    assert "Last run 9 days ago" in text
    assert "The last run is 9 days old" in text
    assert "triage monitor run" in text


def test_without_a_plan_or_a_run_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = _empty(tmp_path, monkeypatch)
    text = shown(empty.open())
    assert "No system is in use" in text
    assert "triage monitor plan" in text
    with empty.store.transaction() as session:
        system = register_bundle(session, bundle("b" * 64, name="Skin"))
        set_champion(session, system)
    text = shown(empty.open())
    assert "No plan of monitoring is set for this system" in text
    with empty.store.transaction() as session:
        plan = set_monitoring_plan(session, system, {}, actor="Eve")
    text = shown(empty.open())
    assert "Monitoring has never run" in text
    assert "triage monitor run" in text
    with empty.store.transaction() as session:
        add_run(session, plan, made_result(charts=(), alarms=(), notes=()))
    text = shown(empty.open())
    assert "No chart has an alarm. The run made no chart" in text
    assert "No alarm is open" in text


def test_a_result_of_another_version_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = _empty(tmp_path, monkeypatch)
    empty.numbers = fill_monitored(empty.store)
    monkeypatch.setattr(
        "triage.monitoring.monitored_systems.MonitoringResult.model_validate",
        lambda _: made_result().__class__(version=3),
    )
    app = empty.open()
    assert "of another version of the software" in shown(app)
    assert [one.value for one in app.header] == ["Alarms"]
