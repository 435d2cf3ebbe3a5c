import pytest

from triage.imaging.metadata_removal import device_name


@pytest.mark.parametrize(
    ("manufacturer", "model", "name"),
    [
        ("Canon", "EOS 5D Mark II", "Canon EOS 5D Mark II"),
        ("samsung", "SM-G998B", "samsung SM-G998B"),
        ("Lens Works", None, "Lens Works"),
        (None, "M1\0\0", "M1"),
        ("Lens Works SN0815471", "M1 0815471", "Lens Works M1"),
        ("Lens Works 1970-01-31", "M1", "Lens Works M1"),
        ("Doe^Jane", "jane=doe@example.org", None),
        ("a\x1b[31m\u202eb\nc", "", "a [31m b c"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_device_without_what_may_name_a_person(
    manufacturer: object, model: object, name: str | None
) -> None:
    assert device_name(manufacturer, model) == name


def test_a_device_name_is_short() -> None:
    assert len(str(device_name("x" * 1000, "y" * 1000))) <= 130
