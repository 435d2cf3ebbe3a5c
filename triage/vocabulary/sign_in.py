"""Words of signing in."""

from __future__ import annotations

from enum import StrEnum


class SignInMethod(StrEnum):
    """How an account proved who it is."""

    PASSWORD = "password"
    OIDC = "oidc"
    COMMAND_LINE = "command_line"
    """A password given to a verb; no session begins."""
    PASSWORD_AGAIN = "password_again"
    """Within a session, for a signature."""
    OIDC_AGAIN = "oidc_again"


class RefusalReason(StrEnum):
    """Why signing in was refused; it stands in the ledger and is not told to who tried."""

    UNKNOWN_NAME = "unknown_name"
    """No account has the name, or the issuer and subject."""
    WRONG_PASSWORD = "wrong_password"
    LOCKED_OUT = "locked_out"
    """A wrong password, and the account is refused for some time from now."""
    STILL_LOCKED_OUT = "still_locked_out"
    """Whatever the password was."""
    DISABLED = "disabled"


class ExpiryReason(StrEnum):
    """Why a session is over."""

    IDLE = "idle"
    ABSOLUTE = "absolute"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
