"""The letter of a signed case, as a browser gets it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.ui.make_accounts import PASSWORD, account
from tests.ui.make_reviewed import ANN, fill_reviewed
from tests.ui.served import CHEAP, served, submit
from triage.accounts import Role
from triage.errors import StoreError
from triage.review import SignOffResult, add_addendum, sign_off
from triage.store import Store, events, open_store
from triage.vocabulary.review_policies import SignatureMeaning

HOSTILE = "<script>alert(1)</script>\n<b>bold</b>"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triage.accounts.passwords.parameters", lambda: CHEAP)
        folder = tmp_path_factory.mktemp("letters")
        _, cases = fill_reviewed(folder, PASSWORD)
    return folder / "cases.db", cases


@pytest.fixture
def cases(template: tuple[Path, dict[str, int]]) -> dict[str, int]:
    return template[1]


@pytest.fixture
def store(template: tuple[Path, dict[str, int]], tmp_path: Path) -> Iterator[Store]:
    shutil.copy(template[0], tmp_path / "a.db")
    opened = open_store(f"sqlite:///{tmp_path / 'a.db'}")
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with served(store, tmp_path) as opened:
        yield opened


def signed_in(client: TestClient, name: str = "Ann") -> TestClient:
    assert submit(client, name=name).status_code == 303
    return client


def sign(store: Store, number: int) -> SignOffResult:
    return sign_off(
        store,
        ANN,
        [number],
        SignatureMeaning.AUTHORSHIP,
        printed_name="<i>Dr. A. Nguyen</i>",
        reauthenticated=True,
    )


class Words(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(name)
        assert not any(attribute.startswith("on") for attribute, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_signed_case_has_a_letter(client: TestClient, cases: dict[str, int]) -> None:
    answer = signed_in(client).get(f"/letter/{cases['histology']}")
    assert answer.status_code == 200
    page = Words(answer.text)
    for words in (
        "Case histology",
        "P-004",
        "clinic 2",
        "1 (skin photographs)",
        "Melanoma",
        "Urgent",
        "Dr. A. Nguyen",
        "Authorship",
        "skin-2025",
    ):
        assert words in page.text
    assert re.search(r"\b[0-9a-f]{64}\b", page.text)
    assert "AISECRET" not in answer.text
    assert not page.tags & {"script", "img", "iframe", "form", "style"}


def test_what_is_to_follow_is_said(client: TestClient, store: Store, cases: dict[str, int]) -> None:
    assert not sign(store, cases["decided-2"]).refused
    page = Words(signed_in(client).get(f"/letter/{cases['decided-2']}").text)
    assert "New images are to be taken: Out of focus" in page.text
    assert "which gave no opinion on it" in page.text


def test_headers_allow_no_script_and_no_copy(client: TestClient, cases: dict[str, int]) -> None:
    answer = signed_in(client).get(f"/letter/{cases['histology']}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-frame-options"] == "DENY"
    style = client.get("/assets/letter.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "size: A4" in style.text


def test_text_of_readers_is_escaped(
    client: TestClient, store: Store, cases: dict[str, int]
) -> None:
    number = cases["histology"]
    add_addendum(store, number, ANN, HOSTILE)
    assert not sign(store, number).refused
    page = Words(signed_in(client).get(f"/letter/{number}").text)
    assert not page.tags & {"script", "b", "i"}
    assert HOSTILE in page.text
    assert "<i>Dr. A. Nguyen</i>" in page.text
    assert "before the last addendum" in page.text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("decided-1", 409, "only signed cases have a letter"),
        ("second-1", 409, "only signed cases have a letter"),
        ("999", 404, "There is no such case"),
        ("99999999999999999999999", 404, "There is no such case"),
    ],
)
def test_without_a_signature_there_is_none(
    client: TestClient, cases: dict[str, int], path: str, status: int, words: str
) -> None:
    answer = signed_in(client).get(f"/letter/{cases.get(path, path)}")
    assert answer.status_code == status
    page = Words(answer.text)
    assert words in page.text
    assert "No letter" in page.text
    assert "elanoma" not in page.text


def test_a_database_that_cannot_be_reached_is_no_missing_case(
    client: TestClient, cases: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*given: object) -> None:
        raise StoreError("The database cannot be reached.")

    for place in ("letter_routes.referral_letter", "image_routes.get_case"):
        monkeypatch.setattr(f"ui.serving.{place}", unreachable)
    number = cases["histology"]
    answer = signed_in(client).get(f"/letter/{number}")
    assert (answer.status_code, "cannot be reached" in answer.text) == (503, True)
    facts = client.get(f"/images/{number}/0/facts").json()
    assert "cannot be looked up now" in facts["problem"]


def test_other_paths_and_methods_are_none(client: TestClient) -> None:
    signed_in(client)
    assert client.get("/letter/a").text.find("Referral letter") == -1
    assert client.get("/letter/-1").text.find("Referral letter") == -1
    assert client.post("/letter/5").status_code in (403, 405)


def test_it_needs_a_session(client: TestClient, cases: dict[str, int]) -> None:
    number = cases["histology"]
    answer = client.get(f"/letter/{number}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next=%2Fletter%2F{number}"


@pytest.mark.parametrize(("name", "status"), [("Bob", 200), ("Gus", 200), ("Eve", 403)])
def test_it_needs_the_permission_to_sign_or_export(
    client: TestClient, cases: dict[str, int], name: str, status: int
) -> None:
    answer = signed_in(client, name).get(f"/letter/{cases['histology']}")
    assert answer.status_code == status
    if status == 403:
        assert "permission" in answer.text
        assert "elanoma" not in answer.text


def test_what_was_changed_after_signing_is_not_printed(
    client: TestClient, store: Store, cases: dict[str, int]
) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE read SET urgency = 'routine'"))
    answer = signed_in(client).get(f"/letter/{cases['histology']}")
    assert answer.status_code == 409
    assert "does not fit the record" in answer.text


def test_showing_one_is_no_export_and_no_event(
    client: TestClient, store: Store, cases: dict[str, int]
) -> None:
    signed_in(client)
    with store.reading() as session:
        before = [one.id for one in events(session)]
    client.get(f"/letter/{cases['histology']}")
    with store.reading() as session:
        assert [one.id for one in events(session)] == before


def test_administrators_get_none(client: TestClient, store: Store, cases: dict[str, int]) -> None:
    account(store, "Amy", Role.ADMINISTRATOR, password=PASSWORD)
    assert signed_in(client, "Amy").get(f"/letter/{cases['histology']}").status_code == 403
