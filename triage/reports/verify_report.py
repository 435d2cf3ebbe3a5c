"""Verify the archive of an audit report: ``python verify_report.py audit.zip KEY``.

This one file needs Python and the package `cryptography`, and nothing of the software that wrote
the archive. Take it from the software's release, not from whoever sent the archive.

KEY is the signer's public key: 64 hexadecimal digits, a file with them (one key a line, `#` begins
a comment), or a PEM file. Take it from the signer by another way than the archive.

The archive is a zip whose bytes follow from its members: names in order, no compression, fixed
dates and attributes, no extra fields, nothing before, between or after. It is built again from the
members that were read and has to be equal, so no byte of it goes unchecked.
`manifest.json` has the SHA-256 of every other member, and `manifest.sig` is the Ed25519 signature
of `manifest.json`. The signature is checked before anything is parsed.

Exit codes: 0 verified, 4 not verified, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import math
import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
MANIFEST_SCHEMA = "triage-audit-manifest-1"
MOST_ARCHIVE_BYTES = 1 << 30
MOST_MEMBERS = 10_000
_MOST_KEY_BYTES = 1_000_000
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _UNIX, _FIRST_OF_1980 = 20, 3, 0x21
_REGULAR_FILE = 0o100644 << 16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_HEX_KEY = re.compile(r"[0-9a-f]{64}")
_SHOWN = ("report_id", "title", "date", "kind", "plan_sha256")


class Verification(NamedTuple):
    """What an archive says of itself, and what is wrong with it (nothing: it is verified)."""

    facts: dict[str, str]
    problems: list[str]


class _Content(NamedTuple):
    """The file that an archive is about, and the rows in it that a table has, too."""

    file: str
    rows: str
    words: tuple[str, ...]
    numbers: tuple[str, ...]


_AUDIT = _Content(
    "report.json", "findings", ("axis", "level", "metric", "verdict"), ("value", "low", "high", "n")
)
_COMPARISON = _Content(
    "comparison.json", "changes", ("axis", "level", "metric", "evidence"),
    ("first", "second", "difference", "low", "high", "p_value"),
)  # fmt: skip


class _Refused(Exception):
    """Nothing more can be checked, for the reason given."""


def verify(path: str | Path, public_key: str | Path) -> list[str]:
    """Return what is wrong with an archive; an empty list means that it is verified.

    `public_key` is as KEY of the command; a ValueError is raised if it is no key.
    """
    return examine(path, read_keys(public_key)).problems


def examine(
    path: str | Path,
    keys: Sequence[str],
    expect_report: str | None = None,
    expect_plan: str | None = None,
) -> Verification:
    """Check an archive in every respect.

    `keys` are trusted public keys from `read_keys`; `expect_report` and `expect_plan` are a report
    id and a hash of a plan that the archive has to have.
    """
    facts: dict[str, str] = {}
    problems: list[str] = []
    try:
        members = read_members(_read_file(path, MOST_ARCHIVE_BYTES))
        problems += _signature_problems(members, keys, facts)
        manifest = _object(members.get(MANIFEST), MANIFEST)
        changed = _manifest_problems(manifest, members)
        problems += changed
        facts |= {name: str(manifest.get(name)) for name in _SHOWN}
        if facts.get("signed_by", manifest.get("public_key_id")) != manifest.get("public_key_id"):
            problems.append("the manifest names another key than the one that signed it")
        problems += [] if changed else _report_problems(manifest, members)
        for name, wanted in (("report_id", expect_report), ("plan_sha256", expect_plan)):
            if wanted is not None and manifest.get(name) != wanted:
                problems.append(f"{name} is {manifest.get(name)}, not the expected {wanted}")
    except _Refused as refused:
        problems.append(str(refused))
    return Verification(facts, problems)


def read_keys(key: str | Path) -> list[str]:
    """Return trusted public keys as 64 hexadecimal digits each.

    A ValueError is raised if `key` is neither the digits nor a file with one key a line or in PEM.
    """
    if _HEX_KEY.fullmatch(str(key).lower()):
        return [str(key).lower()]
    try:
        content = _read_file(key, _MOST_KEY_BYTES)
    except _Refused as refused:
        raise ValueError(f"the key: {refused}") from refused
    if b"-----BEGIN" in content:
        if b"PRIVATE KEY" in content:
            raise ValueError("this is a private key; give the public one")
        try:
            found = load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError("the key is no PEM public key") from error
        if not isinstance(found, Ed25519PublicKey):
            raise ValueError("the key is no Ed25519 key")
        return [found.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()]
    lines = content.decode("ascii", "replace").splitlines()
    words = [word for line in lines if (word := line.partition("#")[0].strip().lower())]
    if not words or not all(map(_HEX_KEY.fullmatch, words)):
        raise ValueError("the file of the key has to hold 64 hexadecimal digits a line, or PEM")
    return words


def build_archive(members: dict[str, bytes]) -> bytes:
    """Return the one archive of some members: a zip whose bytes follow from them.

    A ValueError is raised for names that are not allowed, or that differ in case only, and for too
    much content.
    """
    names = sorted(members)
    if len(names) > MOST_MEMBERS or sum(map(len, members.values())) > MOST_ARCHIVE_BYTES // 2:
        raise ValueError("there are too many members, or too large ones")
    for name in names:
        if len(name) > 200 or not _NAME.fullmatch(name):
            raise ValueError(f"the name {name[:200]!a} is not allowed")
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("two names differ in upper and lower case only")
    pieces: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name in names:
        content, encoded = members[name], name.encode("ascii")
        size = len(content)
        common = (_VERSION, 0, 0, 0, _FIRST_OF_1980, zlib.crc32(content), size, size, len(encoded))
        pieces += [_LOCAL.pack(b"PK\3\4", *common, 0), encoded, content]
        made_by = _VERSION | _UNIX << 8
        central = _CENTRAL.pack(b"PK\1\2", made_by, *common, 0, 0, 0, 0, _REGULAR_FILE, offset)
        directory.append(central + encoded)
        offset += _LOCAL.size + len(encoded) + size
    listing = b"".join(directory)
    end = _END.pack(b"PK\5\6", 0, 0, len(names), len(names), len(listing), offset, 0)
    return b"".join([*pieces, listing, end])


def read_members(archive: bytes) -> dict[str, bytes]:
    """Return the members of an archive that is, byte for byte, as `build_archive` makes it.

    Since members are not compressed, none is larger than the archive. Raises `_Refused` with the
    first difference.
    """
    members: dict[str, bytes] = {}
    offset = 0
    if not archive.startswith(b"PK\3\4"):
        raise _Refused(
            "the file does not begin as the archive of a report: no zip, or prepended data"
        )
    while archive.startswith(b"PK\3\4", offset):
        name, content, offset = _read_member(archive, offset)
        if name in members:
            raise _Refused(f"the member {name} is there twice")
        if len(members) >= MOST_MEMBERS:
            raise _Refused(f"there are more than {MOST_MEMBERS} members")
        members[name] = content
    if list(members) != sorted(members):
        raise _Refused("the members are not in the order of their names")
    try:
        expected = build_archive(members)
    except ValueError as error:
        raise _Refused(f"this is not the archive of a report: {error}") from error
    if archive != expected:
        raise _Refused(_difference(archive, expected))
    return members


def _difference(archive: bytes, expected: bytes) -> str:
    if len(archive) < len(expected):
        return "the archive is truncated, or its directory lacks members"
    if archive.startswith(expected):
        return "there are bytes after the end of the archive"
    at = next(i for i, (a, b) in enumerate(zip(archive, expected, strict=False)) if a != b)
    return (
        f"byte {at} is not as the members determine it: another directory, date or attribute, a "
        "link, an extra field, a comment, or bytes between members"
    )


def _read_member(archive: bytes, offset: int) -> tuple[str, bytes, int]:
    """Name and content of the member at an offset, and where the next one begins."""
    start = offset + _LOCAL.size
    if start > len(archive):
        raise _Refused("the archive is truncated")
    _, version, flags, method, time, date, crc, packed, size, length, extra = _LOCAL.unpack(
        archive[offset:start]
    )
    raw = archive[start : start + length]
    name = raw.decode("ascii", "backslashreplace")
    if not name.isascii() or len(name) > 200 or not _NAME.fullmatch(name):
        raise _Refused(f"the name {name[:200]!a} of a member is not allowed")
    if flags & 1:
        raise _Refused(f"{name} is encrypted")
    if method or packed != size:
        raise _Refused(f"{name} is compressed; members are stored as they are")
    if (version, flags, time, date, extra) != (_VERSION, 0, 0, _FIRST_OF_1980, 0):
        raise _Refused(f"{name} has another date, version, flag or an extra field")
    end = start + length + size
    if end > len(archive):
        raise _Refused(f"the archive is truncated within {name}")
    content = archive[start + length : end]
    if zlib.crc32(content) != crc:
        raise _Refused(f"the content of {name} was changed (CRC-32)")
    return name, content, end


def _read_file(path: str | Path, most: int) -> bytes:
    try:
        # A pipe or a device could make opening it or reading from it wait for ever.
        number = os.open(path, _READING)
        with os.fdopen(number, "rb") as stream:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode):
                raise _Refused("it is a folder, a pipe or a device, not a file")
            data = stream.read(min(status.st_size, most) + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no possible path"
        raise _Refused(f"the file cannot be read ({reason})") from error
    if len(data) > most:
        raise _Refused(f"the file is larger than {most} bytes")
    return data


def _signature_problems(
    members: dict[str, bytes], keys: Sequence[str], facts: dict[str, str]
) -> list[str]:
    """Check the signature; a wrong one is the end, since the manifest is then anybody's."""
    if MANIFEST not in members:
        raise _Refused(f"there is no {MANIFEST}")
    if SIGNATURE not in members:
        return [f"the archive is unsigned: there is no {SIGNATURE}, and anybody can have made it"]
    for key in keys:
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
            public.verify(members[SIGNATURE], members[MANIFEST])
        except (InvalidSignature, ValueError):
            continue
        facts["signed_by"] = _key_id(key)
        return []
    raise _Refused(
        f"{SIGNATURE}, the signature of {MANIFEST}, was not made with the private key of "
        f"{', '.join(_key_id(key) for key in keys)}: another signer, or a changed manifest"
    )


def _key_id(key: str) -> str:
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]


def _object(content: bytes | None, name: str) -> dict[str, Any]:
    if content is None:
        raise _Refused(f"there is no {name}")
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _Refused(f"{name} is no JSON text") from error
    if not isinstance(value, dict):
        raise _Refused(f"{name} holds no JSON object")
    return value


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _canonical(value: Any) -> bytes:
    """Canonical JSON text; for the values of a manifest that of RFC 8785."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _manifest_problems(manifest: dict[str, Any], members: dict[str, bytes]) -> list[str]:
    if manifest.get("schema_version") != MANIFEST_SCHEMA:
        raise _Refused(f"the manifest is not of the schema {MANIFEST_SCHEMA}")
    problems = []
    if _canonical(manifest) != members[MANIFEST]:
        problems.append("the manifest is not in canonical form")
    listed = manifest.get("members")
    if not isinstance(listed, dict):
        raise _Refused("the manifest lists no members")
    present = members.keys() - {MANIFEST, SIGNATURE}
    problems += [f"{name} is not in the manifest" for name in sorted(present - listed.keys())]
    problems += [f"{name} is missing" for name in sorted(listed.keys() - present)]
    for name in sorted(present & listed.keys()):
        content = members[name]
        found = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        if listed[name] != found:
            problems.append(f"{name} is not the file that the manifest lists (SHA-256 or size)")
    return problems


def _report_problems(manifest: dict[str, Any], members: dict[str, bytes]) -> list[str]:
    """Compare the report with the manifest, with its plans, and with its table."""
    content = _COMPARISON if manifest.get("kind") == "comparison" else _AUDIT
    report = _object(members.get(content.file), content.file)
    problems = []
    plan_hash = hashlib.sha256(_canonical(report.get("plan"))).hexdigest()
    if plan_hash != manifest.get("plan_sha256"):
        problems.append(
            f"the plan in {content.file} does not have the hash that the manifest states"
        )
    stated = {
        "plan_sha256": report.get("plan_sha256"),
        "report_id": report.get("report_id"),
        "title": report.get("title"),
        "date": report.get("generated_at"),
        "facts": report.get("facts"),
        "code_version": report.get("code_version"),
        "ledger": report.get("registration"),
    }
    if content is _AUDIT:
        stated["kind"] = "public" if report.get("public") else "full"
    problems += [
        f"{name} in {content.file} is not that of the manifest"
        for name, value in stated.items()
        if manifest.get(name) != value
    ]
    rows = report.get(content.rows)
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        return [*problems, f"{content.file} has no list of {content.rows}"]
    return problems + _table_problems(content, rows, members)


def _table_problems(
    content: _Content, listed: list[dict[str, Any]], members: dict[str, bytes]
) -> list[str]:
    name = f"tables/{content.rows}.csv"
    if name not in members:
        return [f"{name} is missing"] if listed else []
    try:
        rows = list(csv.DictReader(io.StringIO(members[name].decode("utf-8-sig"), newline="")))
    except (ValueError, csv.Error):
        return [f"{name} is no table"]
    if len(rows) != len(listed):
        return [f"{name} has {len(rows)} rows, {content.file} {len(listed)} {content.rows}"]
    problems = []
    for number, (row, one) in enumerate(zip(rows, listed, strict=True), start=1):
        wrong = [key for key in content.words if _word(row.get(key)) != _word(one.get(key))]
        wrong += [key for key in content.numbers if not _same(row.get(key), one.get(key))]
        if wrong:
            problems.append(f"{name}, row {number}: {', '.join(wrong)} differ from {content.file}")
    return problems


def _word(value: Any) -> str:
    """Text of a cell without the sign that keeps a spreadsheet from taking it for a formula."""
    return str(value).removeprefix("'")


def _same(cell: Any, number: Any) -> bool:
    try:
        stated = float(cell)
    except (TypeError, ValueError):
        return number is None  # an empty cell, or a word such as "suppressed"
    return isinstance(number, int | float) and math.isclose(stated, number, rel_tol=1e-9)


def lines(found: Verification) -> Iterable[str]:
    """Yield what a person has to read of a verification."""
    for label, value in found.facts.items():
        yield f"{label}: {value}"
    for problem in found.problems:
        yield f"problem: {problem}"
    yield (
        "NOT VERIFIED"
        if found.problems
        else (
            "VERIFIED. Compare report and plan with what the signer announced: an older archive "
            "verifies, too."
        )
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Verify the archive of an audit report.")
    parser.add_argument("archive", help="audit.zip")
    parser.add_argument("key", help="public key: hexadecimal digits, a file of them, or a PEM file")
    parser.add_argument("--expect-report", help="report id that was announced")
    parser.add_argument("--expect-plan", help="hash of the plan that was announced")
    given = parser.parse_args(arguments)
    try:
        keys = read_keys(given.key)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    found = examine(given.archive, keys, given.expect_report, given.expect_plan)
    for line in lines(found):
        # What the archive says may hold signs that change a terminal.
        print(line.encode("unicode_escape").decode("ascii"))
    return 4 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
