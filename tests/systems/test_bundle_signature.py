"""Signatures of bundles, and what is loaded where trusted keys are configured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.tiny import TinyBundle
from triage.errors import BundleError, LedgerError
from triage.ledger.keys import SigningKey, make_key
from triage.systems.bundle import load_system, verify_bundle
from triage.systems.bundle_signature import (
    KEYS_VARIABLE,
    check_signature,
    read_signature,
    sign_bundle,
)


@pytest.fixture
def bundle(tiny_bundle: TinyBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.folder, tmp_path / "bundle"))


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return make_key(tmp_path / "bundles.key")


def trust(monkeypatch: pytest.MonkeyPatch, folder: Path, *keys: SigningKey) -> None:
    path = folder / "trusted.txt"
    path.write_text("".join(f"{key.public}  # {key.id}\n" for key in keys) or "# none\n")
    monkeypatch.setenv(KEYS_VARIABLE, str(path))


def test_a_signed_bundle_is_loaded(
    bundle: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = verify_bundle(bundle).digest()
    signed = sign_bundle(bundle, digest, key)
    assert read_signature(bundle) == signed
    assert json.loads((bundle / "manifest.sig").read_text()) == {
        "format": "triage-bundle-signature-1",
        "digest": digest,
        "key_id": key.id,
        "signature": signed.signature,
    }
    load_system(bundle)  # without a list of keys nobody asks
    trust(monkeypatch, tmp_path, key)
    _, manifest = load_system(bundle)
    assert manifest.digest() == digest


def test_where_keys_are_configured_an_unsigned_bundle_is_refused(
    bundle: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, tmp_path, key)
    for use in (verify_bundle, load_system):
        with pytest.raises(BundleError, match="is not signed"):
            use(bundle)


def test_a_key_that_is_not_trusted(
    bundle: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_bundle(bundle, verify_bundle(bundle).digest(), key)
    trust(monkeypatch, tmp_path, make_key(tmp_path / "other.key"))
    with pytest.raises(BundleError, match="not trusted here"):
        verify_bundle(bundle)


def test_keys_are_rotated(
    bundle: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both keys count while bundles are signed again; then the old one counts no more."""
    new, digest = make_key(tmp_path / "new.key"), verify_bundle(bundle).digest()
    sign_bundle(bundle, digest, key)
    trust(monkeypatch, tmp_path, key, new)
    verify_bundle(bundle)
    sign_bundle(bundle, digest, new)
    trust(monkeypatch, tmp_path, new)
    verify_bundle(bundle)
    sign_bundle(bundle, digest, key)
    with pytest.raises(BundleError, match="not trusted here"):
        verify_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signature": "0" * 128}, "changed or forged"),
        ({"digest": "0" * 64}, "of another bundle"),
        ({"key_id": "0" * 16}, "not trusted here"),
        ({"format": "triage-bundle-signature-2"}, "no signature of a bundle"),
        ({"signature": "0"}, "no signature of a bundle"),
        ({"more": 1}, "no signature of a bundle"),
    ],
)
def test_an_altered_signature(
    bundle: Path,
    key: SigningKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    words: str,
) -> None:
    sign_bundle(bundle, verify_bundle(bundle).digest(), key)
    path = bundle / "manifest.sig"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    trust(monkeypatch, tmp_path, key)
    with pytest.raises(BundleError, match=words):
        verify_bundle(bundle)
    monkeypatch.delenv(KEYS_VARIABLE)
    verify_bundle(bundle)  # without a list of keys a signature proves nothing, and decides nothing


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "[" * 100_000])
def test_what_is_no_signature(bundle: Path, text: str) -> None:
    (bundle / "manifest.sig").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.sig"):
        read_signature(bundle)


def test_an_altered_bundle_does_not_keep_its_signature(
    bundle: Path, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever alters a file and the manifest with it cannot sign the new digest."""
    manifest = verify_bundle(bundle)
    sign_bundle(bundle, manifest.digest(), key)
    trust(monkeypatch, tmp_path, key)
    altered = manifest.model_copy(update={"name": "another"})
    (bundle / "manifest.json").write_text(altered.to_text())
    with pytest.raises(BundleError, match="of another bundle"):
        verify_bundle(bundle)


def test_a_link_is_no_signature(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    (bundle / "manifest.sig").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="symbolic links"):
        verify_bundle(bundle)


def test_a_list_of_keys_that_cannot_be_read(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(LedgerError, match="cannot be read"):
        verify_bundle(bundle)
    trust(monkeypatch, tmp_path)
    with pytest.raises(LedgerError, match="names no key"):
        verify_bundle(bundle)


def test_a_full_disk_leaves_the_former_signature(
    bundle: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = verify_bundle(bundle).digest()
    signed = sign_bundle(bundle, digest, key)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(BundleError, match="No space left"):
        sign_bundle(bundle, digest, key)
    monkeypatch.undo()
    assert read_signature(bundle) == signed
    assert check_signature(bundle, digest, frozenset({key.public})) == key.id
    verify_bundle(bundle)
