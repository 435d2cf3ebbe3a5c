"""Which role may do what. What is not listed is refused."""

from __future__ import annotations

from collections.abc import Mapping

from triage.accounts.actor import Actor
from triage.errors import TriageError
from triage.vocabulary.roles import Action, Role

_READER = frozenset(
    {
        Action.VIEW_CASES,
        Action.READ_CASE,
        Action.GIVE_SECOND_READ,
        Action.ADJUDICATE,
        Action.SIGN,
        Action.UPLOAD_CASE,
    }
)

PERMISSIONS: Mapping[Role, frozenset[Action]] = {
    Role.READER: _READER,
    Role.SENIOR_READER: _READER | {Action.ADJUDICATE_AS_SENIOR, Action.ADD_LABEL},
    Role.GOVERNANCE: frozenset(
        {
            Action.VIEW_CASES,
            Action.VIEW_REVIEW_FIGURES,
            Action.AUDIT,
            Action.SET_POLICY,
            Action.PLANT_CASE,
            Action.EXPORT_CASE,
            Action.APPROVE_MODELS,
            Action.SELECT_CASES,
            Action.WITHDRAW_DATA,
            Action.MONITOR,
            Action.HANDLE_ALARMS,
        }
    ),
    Role.ENGINEER: frozenset(
        {
            Action.ADD_CASES,
            Action.CHANGE_MODELS,
            Action.SELECT_CASES,
            Action.ADD_LABEL,
            Action.MONITOR,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {
            Action.MANAGE_ACCOUNTS,
            Action.MANAGE_DATABASE,
            Action.ADD_CASES,
        }
    ),
}
"""The actions of each role. An administrator reads no case, so no one person does everything."""


class PermissionDenied(TriageError):
    """An actor's role does not allow the action."""


def may(actor: Actor, action: Action) -> bool:
    """Whether an actor's role allows an action; an actor without a role may do nothing."""
    return actor.role is not None and action in PERMISSIONS.get(actor.role, frozenset())


def require(actor: Actor, action: Action) -> None:
    """Check that an actor's role allows an action.

    Raises
    ------
    PermissionDenied
        If it does not.
    """
    if not may(actor, action):
        role = "no role" if actor.role is None else f"the role {actor.role}"
        raise PermissionDenied(
            f"This needs the permission {action.value}; the account has {role}.",
            hint="Ask an administrator.",
        )
