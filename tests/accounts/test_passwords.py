"""Passwords: which are accepted, and how they are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import Type, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounts.people import PASSWORD, cheap_hashing
from triage.accounts import passwords
from triage.accounts.passwords import (
    LONGEST,
    SHORTEST,
    PasswordRefused,
    hash_password,
    matches,
    needs_rehash,
    require_acceptable,
)


def test_the_parameters_are_the_second_recommended_option_of_rfc_9106() -> None:
    """Section 4: Argon2id, 3 passes, 4 lanes, 64 MiB, a salt of 128 and a tag of 256 bits."""
    used = RFC_9106_LOW_MEMORY
    assert (used.type, used.time_cost, used.parallelism) == (Type.ID, 3, 4)
    assert (used.memory_cost, used.salt_len, used.hash_len) == (64 * 1024, 16, 32)


def test_a_hash_has_the_parameters_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    encoded = hash_password(PASSWORD)
    assert extract_parameters(encoded) == RFC_9106_LOW_MEMORY
    assert encoded.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert matches(PASSWORD, encoded)


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)


@settings(max_examples=50)
@given(st.text(max_size=LONGEST), st.text(max_size=LONGEST))
def test_only_the_same_text_matches(one: str, other: str) -> None:
    encoded = hash_password(one)
    assert matches(one, encoded)
    assert matches(other, encoded) == (passwords._normal(one) == passwords._normal(other))


def test_one_text_in_two_forms_of_unicode_is_one_password() -> None:
    assert matches("cafe\u0301 am Fluss 7", hash_password("caf\u00e9 am Fluss 7"))


@pytest.mark.parametrize("typed", ["", PASSWORD, "x" * 1_000_000, "\x00", "\ud800"])
def test_without_a_hash_nothing_matches_and_as_much_is_computed(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the typed password is that of the hash it is compared with, which is ''."""
    compared = []
    hasher = passwords._hasher()

    class Counting:
        def verify(self, encoded: str, secret: bytes) -> bool:
            compared.append(extract_parameters(encoded))
            return hasher.verify(encoded, secret)

    passwords._dummy(repr(cheap_hashing()))
    monkeypatch.setattr(passwords, "_hasher", Counting)
    assert not matches(typed, None)
    assert not matches(typed, hasher.hash("something else"))
    assert compared == [cheap_hashing(), cheap_hashing()]


def test_a_damaged_hash_matches_nothing() -> None:
    assert not matches(PASSWORD, "$argon2id$")
    assert not matches("", "")


def test_a_hash_of_other_parameters_needs_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = hash_password(PASSWORD)
    assert not needs_rehash(encoded)
    dearer = replace(cheap_hashing(), time_cost=2)
    monkeypatch.setattr(passwords, "parameters", lambda: dearer)
    assert needs_rehash(encoded)
    assert matches(PASSWORD, encoded)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "x" * (SHORTEST - 4) + "abcd",
        "ab \t\n\x00\x1b'\"; DROP",
        "\N{GRINNING FACE} \N{GREEK SMALL LETTER ALPHA}\u200b beta gamma",
        "123456 apples",
    ],
)
def test_accepted(password: str) -> None:
    require_acceptable(password, "Rhea")


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("", "12 to 128"),
        ("a1b2c3d4e5f", "12 to 128"),
        ("abcd" * 33, "12 to 128"),
        ("Rhea Maria Sommer", "name"),
        ("rheamariasommer", "name"),
        ("RHEA-maria-sommer2027!", "name"),
        ("password1234", "common"),
        ("P A S S W O R D 1234", "common"),
        ("123456789012", "common"),
        ("qwertyuiop[]12", "common"),
        ("aaaaaaaaaaaaaaaa", "common"),
        ("abababababababab", "common"),
        ("CorrectHorseBatteryStaple", "common"),
    ],
)
def test_refused(password: str, says: str) -> None:
    with pytest.raises(PasswordRefused, match=says) as refused:
        require_acceptable(password, "Rhea Maria Sommer")
    assert not password or password not in str(refused.value)
