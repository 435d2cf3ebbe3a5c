"""What the page sends to the stage of photographs: addresses and keys, nothing of the AI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.ui.conftest import Pages, everything
from tests.ui.make_cases import SECRETS
from triage.store import get_case, open_store
from ui.image_address import PictureSize, facts_address, image_address
from ui.pictures import describe
from ui.shortcuts import KEYS, OCT_VIEWER, PHOTO_STAGE, keys_of


def sent_to(app: AppTest, component: str) -> dict[str, Any]:
    """Return what a page sends to a component of the browser."""

    def walk(block: Any) -> list[str]:
        proto = getattr(block, "proto", None)
        found = [proto.json] if getattr(proto, "component_name", "") == component else []
        for child in getattr(block, "children", {}).values():
            found += walk(child)
        return found

    (text,) = [part for root in app._tree.children.values() for part in walk(root)]
    data: dict[str, Any] = json.loads(text)
    return data


def test_photographs_are_sent_as_addresses_in_reading_order(pages: Pages) -> None:
    app = pages.open("C-1003")
    assert not app.exception
    data = sent_to(app, "photo_stage")
    number = pages.cases["C-1003"]
    assert [one["facts"] for one in data["pictures"]] == [
        facts_address(number, position) for position in range(3)
    ]
    for position, one in enumerate(data["pictures"]):
        for size in PictureSize:
            assert one[str(size)] == image_address(number, position, size, 0)
    assert (data["one"], data["title"]) == ("Photograph", "Photographs of this case")
    assert data["keys"] == keys_of(PHOTO_STAGE)
    assert not any(secret in everything(app) for secret in SECRETS)


def test_no_file_is_read_for_the_page_and_none_is_named(pages: Pages, tmp_path: Path) -> None:
    for photograph in (tmp_path / "photographs").iterdir():
        photograph.unlink()
    store = open_store(pages.url)
    with store.reading() as session:
        found = get_case(session, pages.cases["C-1001"])
    store.close()
    described = json.dumps(describe(found))
    assert described.count("/facts") == 2
    assert "png" not in described
    assert str(tmp_path) not in described


def test_keys_are_listed_once_for_each_group() -> None:
    for group in (PHOTO_STAGE, OCT_VIEWER):
        keys = [keys for keys, _ in keys_of(group)]
        assert len(keys) == len(set(keys)) > 5
    assert all(one.keys and one.what for one in KEYS)
    assert keys_of("no such group") == []
