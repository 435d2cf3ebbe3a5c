from __future__ import annotations

import pytest

from ui.session import RevealedCases, browser_token

TOKEN = "00ff10a05b"


def cookie(mask: str, token: str = TOKEN, time: int = 1_700_000_000) -> str:
    """As Streamlit writes it."""
    key, plain = bytes.fromhex(mask), bytes.fromhex(token)
    masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(plain)).hex()
    return f"2|{mask}|{masked}|{time}"


def test_a_browser_is_known_however_its_cookie_is_masked() -> None:
    assert browser_token(cookie("01020304")) == TOKEN
    assert browser_token(cookie("fffefdfc", time=5)) == TOKEN
    assert browser_token(f'"{cookie("01020304")}"') == TOKEN
    assert browser_token(cookie("01020304", "00ff10a05c")) != TOKEN


@pytest.mark.parametrize("text", [None, "", "x", "2|a|b", "2|xx|yy|1", "2||00|1", "1|00|00|1"])
def test_no_such_cookie(text: str | None) -> None:
    assert browser_token(text) == ""


def test_what_each_browser_was_shown() -> None:
    revealed = RevealedCases()
    revealed.add("a", 1)
    revealed.add("a", 2)
    assert [revealed.holds(*asked) for asked in (("a", 1), ("a", 2), ("a", 3), ("b", 1))] == [
        True,
        True,
        False,
        False,
    ]


def test_how_many_browsers_are_remembered_is_bounded() -> None:
    revealed = RevealedCases()
    for browser in range(1001):
        revealed.add(str(browser), 1)
    assert not revealed.holds("0", 1)
    assert revealed.holds("1", 1)
