"""How the pages are served: address, TLS, proxy, identity provider, checkpoints."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = frozenset({"localhost", LOOPBACK, "::1"})
"""The names under which a browser on this computer reaches a server that listens on loopback."""


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """How the pages are served.

    Parameters
    ----------
    host : str
        Name or address to listen on.
    port : int
    tls_cert, tls_key : Path, optional
        Certificate chain and private key (PEM) with which this server itself offers TLS.
    behind_tls_proxy : bool
        Whether a reverse proxy offers TLS and forwards plain HTTP to this server.
    trusted_proxy : str, optional
        Address of that proxy where it is not on this computer.
    public_host : str, optional
        Name in the address that the browsers use, where it differs from `host`.
    certificate_names : tuple of str
        Names for which the certificate is valid.
    oidc : Path, optional
        Settings of an OpenID Connect provider (YAML).
    ledger_key, checkpoints : Path, optional
        Private key and file of the ledger's automatic checkpoints.
    oct_reference : Path, optional
        Measurements of healthy eyes (YAML), see `ui.oct_reference`.
    uploads : Path, optional
        Folder for the files of cases that people add in the pages; without it they cannot.
    audits : Path, optional
        Folder of the plans and reports of audits, see `ui.audit_folder`.
    """

    host: str = LOOPBACK
    port: int = 8501
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_tls_proxy: bool = False
    trusted_proxy: str | None = None
    public_host: str | None = None
    certificate_names: tuple[str, ...] = ()
    oidc: Path | None = None
    ledger_key: Path | None = None
    checkpoints: Path | None = None
    oct_reference: Path | None = None
    uploads: Path | None = None
    audits: Path | None = None

    @property
    def secure(self) -> bool:
        """Whether browsers reach the pages by TLS."""
        return self.tls_cert is not None or self.behind_tls_proxy

    @property
    def loopback(self) -> bool:
        """Whether only this computer can connect, and no proxy connects for others."""
        return is_loopback(self.host) and not self.behind_tls_proxy

    @property
    def local_user(self) -> bool:
        """Whether a person at this computer may go on without a password while there is no account.

        Not with an identity provider, which says who signs in.
        """
        return self.loopback and self.oidc is None

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        name = self.public_host or self.host
        shown = f"[{name}]" if ":" in name else name
        if self.behind_tls_proxy:
            return f"https://{shown}"
        return f"{'https' if self.secure else 'http'}://{shown}:{self.port}"

    def to_json(self) -> str:
        """Return the settings as text for the environment of the server's process."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> ServingSettings:
        """Return the settings that `to_json` wrote."""
        values = json.loads(text)
        paths = ("tls_cert", "tls_key", "oidc", "ledger_key", "checkpoints", "oct_reference")
        for name in (*paths, "uploads", "audits"):
            values[name] = None if values[name] is None else Path(values[name])
        values["certificate_names"] = tuple(values["certificate_names"])
        return cls(**values)


def is_loopback(host: str) -> bool:
    """Whether a name or address is that of this computer alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
