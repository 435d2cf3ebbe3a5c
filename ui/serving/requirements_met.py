"""Whether pages may be served as asked: sign-in and TLS wherever another computer can connect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from triage.accounts.accounts import any_enabled
from triage.errors import UsageError
from triage.intake.upload_folder import prepare_folder
from triage.ledger.keys import load_key
from triage.store import Store
from ui.oct_reference import load_oct_reference
from ui.serving.oidc_settings import client_secret, load_oidc_settings
from ui.serving.settings import ServingSettings
from ui.serving.tls_files import check_tls_files


def checked_settings(store: Store, settings: ServingSettings) -> ServingSettings:
    """Return the settings with the certificate's names, or refuse them before a server starts.

    Parameters
    ----------
    store : Store
    settings : ServingSettings

    Raises
    ------
    UsageError
        If another computer could connect without sign-in or without TLS, if options contradict
        each other, or if a file or a folder cannot be used.
    LedgerError
        If the key of the ledger cannot be used.
    SpecError
        If the settings of the identity provider or the OCT reference break a rule.
    """
    _require_consistent(settings)
    if settings.oidc is not None:
        load_oidc_settings(settings.oidc)
        client_secret()
    if settings.oct_reference is not None:
        load_oct_reference(settings.oct_reference)
    if settings.ledger_key is not None:
        load_key(settings.ledger_key)
    if settings.uploads is not None:
        uploads = settings.uploads.expanduser().resolve()  # the cases keep it
        prepare_folder(uploads)
        settings = replace(settings, uploads=uploads)
    if settings.audits is not None:
        settings = replace(settings, audits=_existing_folder(settings.audits))
    if not settings.loopback:
        _require_protection(store, settings)
    if settings.tls_cert is not None and settings.tls_key is not None:
        names = check_tls_files(settings.tls_cert, settings.tls_key)
        return replace(settings, certificate_names=names)
    return settings


def _existing_folder(folder: Path) -> Path:
    found = folder.expanduser().resolve()
    if not found.is_dir():
        raise UsageError(
            "There is no such folder of audits.",
            where=str(folder),
            hint="Make it and put the plans of audits (*.yaml) into it.",
        )
    return found


def _require_protection(store: Store, settings: ServingSettings) -> None:
    missing, hints = [], []
    if settings.oidc is None and not any_enabled(store):
        missing.append("sign-in: there is no enabled account and no OpenID Connect provider")
        hints.append("Add an account with triage user add NAME --role administrator, or --oidc.")
    if not settings.secure:
        missing.append("TLS")
        hints.append("Give --tls-cert and --tls-key, or --behind-tls-proxy.")
    if missing:
        raise UsageError(
            "Other computers could connect to this address, which needs sign-in and TLS. Missing: "
            f"{'; and '.join(missing)}.",
            where=settings.host,
            hint=" ".join(hints),
        )


def _require_consistent(settings: ServingSettings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together.", hint="Give both.")
    if settings.tls_cert is not None and settings.behind_tls_proxy:
        raise UsageError(
            "--tls-cert and --behind-tls-proxy exclude each other.",
            hint="TLS is either offered here or by the proxy.",
        )
    if settings.trusted_proxy is not None and not settings.behind_tls_proxy:
        raise UsageError("--trusted-proxy needs --behind-tls-proxy.", hint="Give both, or neither.")
    if (settings.ledger_key is None) != (settings.checkpoints is None):
        raise UsageError("--ledger-key and --checkpoints belong together.", hint="Give both.")
