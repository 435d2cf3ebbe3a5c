"""Which names a request may be addressed to.

A page of another site can make its own host name resolve to this computer (DNS rebinding). The
browser then takes both for one site, so a request to an unknown name is refused.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ui.serving.settings import LOOPBACK_NAMES, ServingSettings

_ANY_ADDRESS = ("0.0.0.0", "::")


class AllowedHosts:
    """The names that the Host header of a request may give.

    Parameters
    ----------
    settings : ServingSettings
    """

    def __init__(self, settings: ServingSettings) -> None:
        given = {settings.host, settings.public_host, *settings.certificate_names}
        named = {name.lower() for name in given if name} - set(_ANY_ADDRESS)
        self._names = named | LOOPBACK_NAMES
        self._wildcards = tuple(name[1:] for name in named if name.startswith("*."))
        self._addresses = not settings.loopback
        self._every_name = settings.host in _ANY_ADDRESS and not named

    def allow(self, host: str | None) -> bool:
        """Whether a request with this Host header is answered.

        A numeric address is allowed unless the server listens on loopback alone: rebinding needs
        a name. Every name is allowed where the server listens on every address and neither the
        certificate nor the settings give a name; it then asks everybody for an account, whose
        cookie no other name receives.
        """
        name = host_name(host)
        if name is None:
            return False
        if name in self._names or self._every_name:
            return True
        if any(
            name.endswith(ending) and "." not in name.removesuffix(ending)
            for ending in self._wildcards
        ):
            return True
        return self._addresses and _is_address(name)


def host_name(host: str | None) -> str | None:
    """Return the name in a Host header without port and brackets, None where it is malformed."""
    if not host:
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where the port is no number
    except ValueError:
        return None
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname.rstrip(".") if parts.hostname else None


def is_own_origin(origin: str, host: str | None, *, secure: bool) -> bool:
    """Whether an Origin header names the server that a request is addressed to, port included.

    Parameters
    ----------
    origin : str
    host : str, optional
        The Host header of the request.
    secure : bool
        Whether browsers reach the pages by TLS.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == ("https" if secure else "http", host)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
