import pytest

from triage.printable import printable


@pytest.mark.parametrize(
    "text",
    ["", "photo 1.jpg", "Überweisung №7", "写真　一.png", "a\u00a0b", r"C:\x1b\n", "naïve 😀"],
)
def test_printable_text_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred", r"a\x1b[31mred"),
        ("a\nforged", r"a\nforged"),
        ("a\r\tb", r"a\r\tb"),
        ("x\x07\x7f\x9b", r"x\x07\x7f\x9b"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("a\u2066b\u200bc\ufeffd", r"a\u2066b\u200bc\ufeffd"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\udcff.png", r"\udcff.png"),
        ("a\U000e0001b\ue000", r"a\U000e0001b\ue000"),
        ("\0", r"\x00"),
    ],
)
def test_what_does_not_print_is_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_whatever_comes_out_can_be_written_in_one_line() -> None:
    every = "".join(map(chr, range(0x11000)))
    shown = printable(every)
    assert len(shown.splitlines()) == 1
    assert shown.encode("utf-8")
    assert printable(shown) == shown
