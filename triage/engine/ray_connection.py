"""Connecting to a Ray cluster, or starting one on this machine's loopback interface.

Ray runs the code of whoever reaches its ports. A cluster that is started here therefore listens on
the loopback interface alone and asks for a token that only its own processes know.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from triage.engine.environment_variables import environment_variables
from triage.engine.ray_address import RayAddress, parse_address
from triage.errors import EngineError
from triage.extras import require_extra

_LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's switch for clusters of one machine, which it has on by default where it is not Linux."""
_STORE_BYTES = 80 * 2**20
"""Of shared memory; Ray takes no less than 75 MiB. Tasks and results are small texts."""
_PROBE_SECONDS = 20.0
_LONGEST = 40
"""Characters of a temporary folder, in which the paths of Ray's sockets fit the limit of 107."""


@dataclass
class Connection:
    """A connection to a cluster.

    Parameters
    ----------
    ray : module
    owned : bool
        Whether it was made here, so that it is ended here.
    folder : Path, optional
        Files of a cluster that was started here.
    """

    ray: Any
    owned: bool
    folder: Path | None = None

    def close(self) -> None:
        """End what was begun here."""
        if self.owned:
            self.ray.shutdown()
            self.owned = False
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def connect(address: str | None, cpus: int) -> Connection:
    """Connect to a cluster, or start one on this machine.

    A connection that the process already has is used, and not ended afterwards.

    Parameters
    ----------
    address : str, optional
        host:port of the head; None starts a cluster.
    cpus : int
        Of a cluster that is started here.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    EngineError
        If the address does not answer, is no Ray cluster that can be joined, or Ray does not start.
    """
    require_extra("ray", "--engine ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    variables = {} if address else _LOOPBACK_ONLY | _access()
    with environment_variables(variables):
        import ray

        if ray.is_initialized():
            _check_same(ray, address)
            return Connection(ray, owned=False)
        return _start(ray, cpus) if address is None else _join(ray, parse_address(address))


def _check_same(ray: Any, address: str | None) -> None:
    used = ray.get_runtime_context().gcs_address
    if address is not None and used != str(parse_address(address)):
        raise EngineError(
            "this process is connected to another Ray cluster",
            where=f"--address {address}",
            hint="Call ray.shutdown() before.",
        )


def _start(ray: Any, cpus: int) -> Connection:
    folder = Path(tempfile.mkdtemp(prefix="triage-ray-", dir=_short_folder()))
    # Read when Ray was imported, perhaps before this module; checked below by what came of it.
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        ray.init(
            address="local",
            num_cpus=cpus,
            num_gpus=0,
            object_store_memory=_STORE_BYTES,
            _temp_dir=str(folder),
            _node_ip_address="127.0.0.1",
            **_QUIET,
        )
    except Exception as error:  # Ray raises many kinds
        shutil.rmtree(folder, ignore_errors=True)
        raise EngineError(
            f"Ray does not start ({_first_line(error)})", where="--engine ray",
            hint="Use --engine processes.",
        ) from error  # fmt: skip
    found = Connection(ray, owned=True, folder=folder)
    host = ray.get_runtime_context().gcs_address.rpartition(":")[0].strip("[]")
    if not ipaddress.ip_address(host).is_loopback:
        found.close()
        raise EngineError(
            "Ray would listen on the network",
            where="--engine ray",
            hint="Use --engine processes, or a cluster that you started, by --address.",
        )
    return found


_QUIET: dict[str, Any] = {
    "include_dashboard": False,
    "log_to_driver": False,
    "configure_logging": False,
    "logging_level": logging.CRITICAL,
}


def _short_folder() -> str:
    usual = tempfile.gettempdir()
    return usual if len(usual) <= _LONGEST else "/tmp"


@cache
def _access() -> dict[str, str]:
    """Return the variables by which a cluster asks for a token, the same in the whole process.

    None where the user chose otherwise, or Ray was imported before and has read them: it then
    makes a token of its own, in the home directory.
    """
    chosen = {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ)
    if chosen or "ray" in sys.modules:
        return {}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _join(ray: Any, address: RayAddress) -> Connection:
    address.check_answers()
    _probe(address)
    try:
        ray.init(address=str(address), **_QUIET)
    except Exception as error:
        raise _not_joined(address, _first_line(error)) from error
    return Connection(ray, owned=True)


def _probe(address: RayAddress) -> None:
    """Join and leave the cluster in another process.

    Where the port is not Ray's, or Ray is of another version, `ray.init` can wait for minutes or
    end the process.
    """
    program = [sys.executable, "-m", "triage.engine.ray_probe", str(address)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(
            program,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _not_joined(address, f"no answer in {_PROBE_SECONDS:.0f} seconds") from None
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        try:
            why = str(json.loads(lines[-1])["refused"])
        except (LookupError, ValueError, TypeError):
            why = f"exit code {done.returncode}"
        raise _not_joined(address, why)


def _not_joined(address: RayAddress, why: str) -> EngineError:
    return EngineError(
        f"no Ray cluster can be joined there ({why})",
        where=f"--address {address}",
        hint="This machine must be part of the cluster, with the same versions of Python and Ray "
        "and the same token; docs/engine.md has the commands.",
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
