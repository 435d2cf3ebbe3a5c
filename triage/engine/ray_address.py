"""The address of a Ray cluster: how it is written, and whether anything answers there."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from triage.errors import EngineError, UsageError

_SECONDS = 5.0


@dataclass(frozen=True)
class RayAddress:
    """Host and port of the head of a Ray cluster."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine by its loopback interface."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_answers(self, seconds: float = _SECONDS) -> None:
        """Open a connection and close it again.

        Raises
        ------
        EngineError
            If nothing accepts a connection there within so many seconds.
        """
        try:
            socket.create_connection((self.host, self.port), timeout=seconds).close()
        except OSError as error:
            raise EngineError(
                f"nothing answers there ({error.strerror or 'no answer in time'})",
                where=f"--address {self}",
                hint="Start the head with ray start --head, and give its address and port.",
            ) from None


def parse_address(text: str) -> RayAddress:
    """Return the address that a text such as 127.0.0.1:6379 or [::1]:6379 states.

    Raises
    ------
    UsageError
        If it is not a host and a port.
    """
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not (colon and bare and is_port) or "/" in host or (":" in host and host == bare):
        raise UsageError(
            f"{text!r} is not a host and a port",
            where="--address",
            hint="Write it as 127.0.0.1:6379.",
        )
    return RayAddress(bare, int(port))
