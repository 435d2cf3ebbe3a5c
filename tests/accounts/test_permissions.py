"""Every role with every action, written out independently of the table in the code."""

from __future__ import annotations

from itertools import product
from typing import cast

import pytest

from triage.accounts import (
    LOCAL_ACTOR,
    PERMISSIONS,
    SYSTEM_ACTOR,
    Action,
    Actor,
    PermissionDenied,
    Role,
    may,
    require,
)

COLUMNS = ("reader", "senior_reader", "governance", "engineer", "administrator")
MATRIX = """
view_cases            yes  yes  yes  no   no
read_case             yes  yes  no   no   no
give_second_read      yes  yes  no   no   no
adjudicate            yes  yes  no   no   no
adjudicate_as_senior  no   yes  no   no   no
sign                  yes  yes  no   no   no
add_label             no   yes  no   yes  no
export_case           no   no   yes  no   no
view_review_figures   no   no   yes  no   no
audit                 no   no   yes  no   no
set_policy            no   no   yes  no   no
plant_case            no   no   yes  no   no
upload_case           yes  yes  no   no   no
add_cases             no   no   no   yes  yes
change_models         no   no   no   yes  no
approve_models        no   no   yes  no   no
select_cases          no   no   yes  yes  no
withdraw_data         no   no   yes  no   no
monitor               no   no   yes  yes  no
handle_alarms         no   no   yes  no   no
manage_database       no   no   no   no   yes
manage_accounts       no   no   no   no   yes
"""
ALLOWED = {
    (role, words[0]): words[1:][COLUMNS.index(role)] == "yes"
    for words in (line.split() for line in MATRIX.strip().splitlines())
    for role in COLUMNS
}


def test_the_matrix_is_complete() -> None:
    assert ALLOWED.keys() == {(role.value, action.value) for role in Role for action in Action}
    assert PERMISSIONS.keys() == set(Role)


@pytest.mark.parametrize(("role", "action"), list(product(Role, Action)))
def test_each_role_and_action(role: Role, action: Action) -> None:
    actor = Actor("someone", role)
    assert may(actor, action) is ALLOWED[role.value, action.value]
    if ALLOWED[role.value, action.value]:
        require(actor, action)
    else:
        with pytest.raises(PermissionDenied, match=action.value):
            require(actor, action)


@pytest.mark.parametrize("action", Action)
def test_what_has_no_known_role_may_nothing(action: Action) -> None:
    for role in (None, cast(Role, "owner"), cast(Role, "")):
        actor = Actor("someone", role)
        assert not may(actor, action)
        with pytest.raises(PermissionDenied):
            require(actor, action)
    assert not may(SYSTEM_ACTOR, action)


@pytest.mark.parametrize("role", Role)
def test_unknown_actions_are_refused(role: Role) -> None:
    assert not may(Actor("someone", role), cast(Action, "delete_everything"))


def test_the_local_user_may_what_a_senior_reader_may() -> None:
    assert LOCAL_ACTOR.role is Role.SENIOR_READER
    assert not may(LOCAL_ACTOR, Action.MANAGE_ACCOUNTS)


def test_the_message_says_what_is_needed_and_not_who_asked() -> None:
    with pytest.raises(PermissionDenied) as refused:
        require(Actor("Rhea", Role.READER), Action.SET_POLICY)
    assert "set_policy" in str(refused.value)
    assert "Rhea" not in str(refused.value)
