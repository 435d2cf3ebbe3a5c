"""Charts outside the pages of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from triage.charts.standalone import Chart, standalone
from triage.charts.svg import picture, rect, text
from triage.errors import UsageError

CHART = standalone(picture("k", "Title <b>", "What it shows", 40, 20, rect(0, 0, 5, 5, "bar")))


def test_the_picture_is_whole_and_brings_its_colours() -> None:
    root = ElementTree.fromstring(CHART.svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    (style,) = root.findall("{http://www.w3.org/2000/svg}style")
    assert style.text is not None
    assert ".bar" in style.text
    assert CHART._repr_svg_() == CHART._repr_html_() == CHART.svg


def test_the_style_holds_within_the_picture_only() -> None:
    (style,) = ElementTree.fromstring(CHART.svg).findall("{http://www.w3.org/2000/svg}style")
    rules = [rule for rule in str(style.text).split("}") if rule]
    assert all(rule.startswith(".triage-chart") for rule in rules)


def test_words_stay_words() -> None:
    drawn = standalone(picture("k", "t", "d", 9, 9, text(0, 0, "<script>")))
    assert "<script" not in drawn.svg
    assert "&lt;script&gt;" in drawn.svg
    assert standalone(Markup("<svg></svg>")).svg.endswith("</svg>")


def test_it_is_saved_whole_or_refused(tmp_path: Path) -> None:
    path = CHART.save(str(tmp_path / "folder" / "chart.svg"))
    assert path.read_text(encoding="utf-8") == CHART.svg
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Chart("<svg/>").save(tmp_path / "file" / "chart.svg")


@pytest.mark.parametrize("name", ["x.png", "x", "x.", "x.svg.pdf", ".svg", "", "~"])
def test_other_formats_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"SVG only.*\.svg") as caught:
        CHART.save(name)
    assert caught.value.where == "path"
    assert list(tmp_path.iterdir()) == []
    assert CHART.save(tmp_path / "x.SVG").is_file()


@pytest.mark.parametrize("path", [None, 3, b"x.svg", ["x.svg"]])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(UsageError, match="not a path") as caught:
        CHART.save(path)
    assert caught.value.where == "path"


def test_the_home_folder_is_meant_by_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    assert CHART.save("~/charts/x.svg") == tmp_path / "home" / "charts" / "x.svg"
    assert (tmp_path / "home" / "charts" / "x.svg").read_text(encoding="utf-8") == CHART.svg
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("name", ["a\0b.svg", "~no-such-user/x.svg", "a" * 300 + ".svg"])
def test_names_that_no_file_can_have(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        CHART.save(name)
    assert list(tmp_path.iterdir()) == []
