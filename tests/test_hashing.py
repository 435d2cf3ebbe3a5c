import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.hashing import canonical_json, hash_bytes, hash_file, hash_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé😀\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abé"), inner, max_size=3),
    max_leaves=8,
)


def test_known_answers() -> None:
    # FIPS 180-2, appendix B.1
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_bytes(b"abc") == abc
    assert hash_json("") == hashlib.sha256(b'""').hexdigest()


def test_a_file_hashes_as_its_bytes_do(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    assert hash_file(tmp_path / "file") == hash_bytes(data)


def test_canonical_text() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'


@given(st.dictionaries(st.text(), JSON))
def test_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert hash_json(dict(reversed(value.items()))) == hash_json(value)


def test_values_that_json_has_not_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        hash_json(float("nan"))
