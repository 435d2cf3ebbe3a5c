"""The certificate and the private key of TLS, checked before the server starts."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from triage.errors import UsageError
from triage.named_file import read_named

_MOST_BYTES = 1024 * 1024


def check_tls_files(certificate: Path, key: Path) -> tuple[str, ...]:
    """Check that a certificate chain and a private key can be used, and return the valid names.

    Parameters
    ----------
    certificate, key : Path
        PEM files; the server's own certificate comes first. The key has no password.

    Returns
    -------
    tuple of str
        Host names and addresses that the certificate is valid for.

    Raises
    ------
    UsageError
        If a file is missing, unreadable or of another kind, if the key needs a password or belongs
        to another certificate, or if the certificate is not valid now.
    """
    text = read_named(certificate, "certificate", UsageError, _MOST_BYTES)
    read_named(key, "private key", UsageError, _MOST_BYTES)
    try:
        own = x509.load_pem_x509_certificates(text)[0]
    except ValueError:
        raise UsageError("This is no certificate in PEM form.", where=str(certificate)) from None
    now = datetime.now(UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        raise UsageError(
            f"The certificate is valid from {own.not_valid_before_utc:%d %B %Y} to "
            f"{own.not_valid_after_utc:%d %B %Y}, not now.",
            where=str(certificate),
            hint="Give one that is valid.",
        )
    _require_pair(certificate, key)
    return _names(own)


def _require_pair(certificate: Path, key: Path) -> None:
    def no_password() -> str:
        raise UsageError(
            "The private key needs a password.", where=str(key), hint="Give a key without one."
        )

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=no_password)
    except ssl.SSLError as error:
        other = error.reason == "KEY_VALUES_MISMATCH"
        what = "belongs to another certificate" if other else "is no private key in PEM form"
        raise UsageError(f"The key {what}.", where=str(key)) from None
    except OSError as error:
        raise UsageError(f"TLS cannot use the file ({error.strerror}).", where=str(key)) from None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))
