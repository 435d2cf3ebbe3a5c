"""The page that adds a case, driven without a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.case_list import listed
from tests.ui.conftest import APP, TOKEN, Pages, everything, press, shown
from tests.ui.make_accounts import account, session_for
from tests.ui.make_cases import SITE, draw_photograph
from tests.ui.make_oct import write_volume
from triage.accounts import Role
from triage.intake.upload_folder import MOST_BYTES
from triage.store import Modality, get_case, open_store
from triage.store.records import StoredCase
from ui import session
from ui.page_paths import PagePath
from ui.serving.settings import ServingSettings
from ui.settings import LARGEST_FILE_MB, streamlit_options


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uploads"
    made.mkdir()
    return made


@pytest.fixture
def takes_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(ServingSettings(), uploads=folder)
    monkeypatch.setattr("ui.add_case_page.serving_settings", lambda: settings)


def open_page(pages: Pages, reader: str = "Ann") -> AppTest:
    app = pages.open(reader=reader)
    return press(app, "Add a case")


def photograph(tmp_path: Path, seed: int = 5) -> bytes:
    draw_photograph(tmp_path / "drawn" / f"{seed}.png", seed)
    return (tmp_path / "drawn" / f"{seed}.png").read_bytes()


def give(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, content, "image/png") for name, content in files])
    return app.run()


def field(app: AppTest, label: str) -> Any:
    kinds = (app.text_input, app.selectbox, app.number_input, app.button_group)
    (found,) = [one for kind in kinds for one in kind if one.label == label]
    return found


def stored(pages: Pages, number: int) -> StoredCase:
    store = open_store(pages.url)
    with store.reading() as reading:
        case = get_case(reading, number)
    store.close()
    return case


def test_a_case_is_added_and_opened(pages: Pages, takes_files: None, tmp_path: Path) -> None:
    app = give(
        open_page(pages),
        ("Jane Doe 1.jpg", photograph(tmp_path, 1)),
        ("Jane Doe 2.jpg", photograph(tmp_path, 2)),
    )
    assert not app.exception
    assert "Jane Doe 1" in shown(app)
    field(app, "Patient's pseudonym").input("P-77")
    field(app, "Name of the case (optional)").input("A-1")
    field(app, "Age in years (optional)").set_value(44)
    field(app, "Sex (optional)").select("female")
    field(app, "Body site (optional)").input("forearm")
    app = press(app, "Add the case")
    assert "No system has scored it" in app.success[0].value
    assert not app.file_uploader[0].value
    app = press(app, "Open case A\\-1")
    assert app.title[0].value == r"Case A\-1"
    case = stored(pages, max(pages.cases.values()) + 1)
    assert (case.external_id, case.patient, case.source, case.age) == ("A-1", "P-77", SITE, 44)
    assert case.groups == {"sex": "female", "body_site": "forearm"}
    assert case.modality is Modality.PHOTOGRAPHS
    assert [Path(image.path).name for image in case.images] == ["1.png", "2.png"]
    assert "Jane" not in str(case)
    assert "A-1" in listed(pages.open())


def test_a_volume_is_recognised(pages: Pages, takes_files: None, tmp_path: Path) -> None:
    write_volume(tmp_path / "drawn" / "v.npz")
    app = give(open_page(pages), ("scan.npz", (tmp_path / "drawn" / "v.npz").read_bytes()))
    assert "OCT volume of 12 B" in shown(app)
    assert field(app, "Eye").value == "right"
    press(app, "Add the case")
    case = stored(pages, max(pages.cases.values()) + 1)
    assert (case.modality, case.laterality) == (Modality.OCT_VOLUMES, "right")
    assert case.id_derived


def test_a_file_that_cannot_be_read_is_named_and_nothing_is_kept(
    pages: Pages, takes_files: None, folder: Path, tmp_path: Path
) -> None:
    app = give(open_page(pages), ("good.png", photograph(tmp_path)), ("bad.png", b"nothing"))
    (error,) = app.error
    assert error.value.startswith(r"**bad\.png**")
    assert "Add the case" not in [button.label for button in app.button]
    assert list(folder.iterdir()) == []


def test_pictures_and_a_volume_are_two_cases(
    pages: Pages, takes_files: None, tmp_path: Path
) -> None:
    write_volume(tmp_path / "drawn" / "v.npz")
    volume = (tmp_path / "drawn" / "v.npz").read_bytes()
    app = give(open_page(pages), ("a.png", photograph(tmp_path)), ("v.npz", volume))
    assert "An OCT volume is a case of its own" in app.error[0].value


def test_too_many_files_are_refused(pages: Pages, takes_files: None, tmp_path: Path) -> None:
    content = photograph(tmp_path)
    app = give(open_page(pages), *((f"{at}.png", content) for at in range(13)))
    assert "at most 12 files" in app.error[0].value


def test_the_same_files_again_are_said_to_be_stored(
    pages: Pages, takes_files: None, tmp_path: Path
) -> None:
    content = photograph(tmp_path)
    app = press(give(open_page(pages), ("a.png", content)), "Add the case")
    app = press(give(app, ("b.png", content)), "Add the case")
    assert "stored already" in shown(app)
    assert not app.success
    assert len(listed(pages.open())) == len(pages.cases) + 1


def test_a_refused_name_keeps_what_was_typed(
    pages: Pages, takes_files: None, folder: Path, tmp_path: Path
) -> None:
    app = give(open_page(pages), ("a.png", photograph(tmp_path)))
    field(app, "Name of the case (optional)").input("C-1001")
    field(app, "Patient's pseudonym").input("P-77")
    app = press(app, "Add the case")
    assert "Another case of this site has this name" in app.error[0].value.replace("\\", "")
    assert field(app, "Patient's pseudonym").value == "P-77"
    assert list(folder.iterdir()) == []


def test_a_name_that_looks_like_a_date_is_warned_of(
    pages: Pages, takes_files: None, tmp_path: Path
) -> None:
    app = give(open_page(pages), ("a.png", photograph(tmp_path)))
    field(app, "Patient's pseudonym").input("1961-04-23")
    app = press(app, "Add the case")
    assert "looks like a date" in " ".join(toast.value for toast in app.toast) + shown(app)


def test_without_a_folder_the_page_says_how_to_allow_files(pages: Pages) -> None:
    app = open_page(pages)
    assert "`triage ui --uploads FOLDER`" in shown(app)
    assert not app.file_uploader


def test_the_page_is_for_readers_only(pages: Pages, takes_files: None) -> None:
    store = open_store(pages.url)
    account(store, "Gus", Role.GOVERNANCE)
    token = session_for(store, "Gus")
    store.close()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.session_state[TOKEN] = token
    app.session_state[session._WANTED] = session.WantedPage(PagePath.ADD_CASE, {})
    app.run()
    assert app.title[0].value == "Worklist"
    assert "Add a case" not in everything(app)


def test_the_largest_file_is_the_same_for_the_server_and_for_the_case() -> None:
    assert LARGEST_FILE_MB * 2**20 == MOST_BYTES
    assert streamlit_options(take_files=True)["server.maxUploadSize"] == LARGEST_FILE_MB
    assert streamlit_options()["server.maxUploadSize"] == 1
