"""The page on accounts says what the code does."""

from __future__ import annotations

import re

from argon2.profiles import RFC_9106_LOW_MEMORY

from tests.pages import first_cells, rows, section, text_of
from triage.accounts import PERMISSIONS, Action, Role
from triage.accounts.names import LONGEST_NAME, RESERVED_NAMES
from triage.accounts.passwords import LONGEST, SHORTEST, parameters
from triage.accounts.sessions import SessionLimits
from triage.accounts.sign_in_check import FAILURES_UNTIL_LOCKOUT, FIRST_LOCKOUT, LONGEST_LOCKOUT
from triage.ledger.event import LedgerEvent
from triage.ledger.events import account_events
from triage.vocabulary.sign_in import RefusalReason, SignInMethod


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_table_of_roles() -> None:
    head, *table = rows(section("accounts", "Roles"))
    assert [cell.strip("`") for cell in head[2:]] == [role.value for role in Role]
    shown = {
        row[0]: {role for role, cell in zip(Role, row[2:], strict=True) if cell == "yes"}
        for row in table
    }
    assert shown == {
        action.value: {role for role in Role if action in PERMISSIONS[role]} for action in Action
    }


def test_names_and_passwords() -> None:
    text = words(text_of("accounts"))
    assert f"1 to {LONGEST_NAME} printable characters" in text
    assert " and ".join(f"`{name}`" for name in RESERVED_NAMES) in text
    assert f"{SHORTEST} to {LONGEST} characters" in text


def test_the_cost_of_a_hash() -> None:
    used = parameters()  # the function of the module, which other tests replace
    assert used == RFC_9106_LOW_MEMORY
    shown = f"{used.time_cost} passes over {used.memory_cost // 1024} MiB, {used.parallelism} lanes"
    assert shown in words(text_of("accounts"))


def test_times() -> None:
    text, limits = words(text_of("accounts")), SessionLimits()
    assert FAILURES_UNTIL_LOCKOUT == 5
    assert "after five in a row" in text
    first, longest = FIRST_LOCKOUT.total_seconds(), LONGEST_LOCKOUT.total_seconds()
    assert f"refused for {first / 60:.0f} minute," in text
    assert f"up to {longest / 60:.0f} minutes" in text
    assert f"after {limits.idle.total_seconds() / 60:.0f} minutes" in text
    assert f"every {limits.touch_every.total_seconds():.0f} s at most" in text
    assert f"after {limits.absolute.total_seconds() / 3600:.0f} hours" in text


def test_events() -> None:
    text = section("accounts", "What is recorded")
    kinds = {
        found.kind.value
        for found in vars(account_events).values()
        if isinstance(found, type) and issubclass(found, LedgerEvent) and found is not LedgerEvent
    }
    shown = {name.strip(" `") for name in first_cells(text)} - {"event"}
    assert shown == kinds
    coded = set(re.findall(r"`([a-z_]+)`", text))
    assert {*map(str, SignInMethod), *map(str, RefusalReason)} <= coded
