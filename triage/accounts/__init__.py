"""Who acts: actors, roles and what each may do."""

from triage.accounts.actor import LOCAL_ACTOR, SYSTEM_ACTOR, Actor
from triage.accounts.permissions import PERMISSIONS, PermissionDenied, may, require
from triage.vocabulary.roles import Action, Role

__all__ = [
    "LOCAL_ACTOR",
    "PERMISSIONS",
    "SYSTEM_ACTOR",
    "Action",
    "Actor",
    "PermissionDenied",
    "Role",
    "may",
    "require",
]
