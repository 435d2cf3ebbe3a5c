"""Settings of an OpenID Connect provider."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from triage.data.strict_yaml import load_model
from triage.errors import UsageError
from triage.secret_file import secret_from_file
from ui.serving.settings import is_loopback

SECRET_VARIABLE = "TRIAGE_OIDC_CLIENT_SECRET"
SECRET_FILE_VARIABLE = "TRIAGE_OIDC_CLIENT_SECRET_FILE"


class OidcSettings(BaseModel):
    """What the file of `triage ui --oidc` holds.

    Parameters
    ----------
    issuer : str
        URL of the provider as it stands in its ID tokens; https, or http on this computer.
    client_id : str
        As which these pages are registered with the provider.
    scopes : tuple of str
        `openid` is always asked for.
    name : str
        What the button for signing in calls the provider.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(max_length=2000)
    client_id: str = Field(min_length=1, max_length=2000)
    scopes: tuple[str, ...] = ("openid",)
    name: str = Field(default="single sign-on", min_length=1, max_length=80)

    @field_validator("issuer")
    @classmethod
    def _reachable_by_tls(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be a URL without a query")
        if parts.scheme != "https" and not local:
            raise ValueError("must begin with https://")
        return issuer

    @property
    def discovery(self) -> str:
        """URL of the provider's own description (OpenID Connect Discovery 1.0, section 4)."""
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    @property
    def scope(self) -> str:
        """The scopes as one parameter."""
        return " ".join(dict.fromkeys(("openid", *self.scopes)))


def load_oidc_settings(path: Path) -> OidcSettings:
    """Read the settings of a provider.

    Raises
    ------
    SpecError
        If the file cannot be read or breaks a rule; every problem is listed.
    """
    return load_model(path, OidcSettings, "OpenID Connect settings")


def client_secret() -> str:
    """Return the client's secret from the environment.

    Raises
    ------
    UsageError
        If it is not set.
    """
    secret = os.environ.get(SECRET_VARIABLE) or secret_from_file(
        SECRET_FILE_VARIABLE, "client secret of OpenID Connect", UsageError
    )
    if not secret:
        raise UsageError(
            "The client secret of OpenID Connect is not set.",
            where=SECRET_VARIABLE,
            hint=f"Set this variable of the environment, or {SECRET_FILE_VARIABLE} to a file.",
        )
    return secret
