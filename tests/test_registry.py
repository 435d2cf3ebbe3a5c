"""Registries: lookup, refusals and documentation tables, on plug-ins of these tests' own."""

from __future__ import annotations

import doctest
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

from triage import registry
from triage.errors import ExitCode, UnknownName, UsageError
from triage.registry import Info, Registry, markdown_table


@dataclass(frozen=True)
class FruitInfo(Info):
    colour: str
    sour: bool = False


class Apple:
    info = FruitInfo("apple", "Apple", "Linnaeus 1753", "red")


class Lemon:
    info = FruitInfo("lemon", "Lemon", "Osbeck 1765", "yellow", sour=True, needs=("warmth", "sun"))


def fruits() -> Registry[type[Apple] | type[Lemon]]:
    return Registry("fruit", (Lemon, Apple), columns={"colour": lambda fruit: fruit.info.colour})


def test_a_mapping_in_the_order_of_registration() -> None:
    found = fruits()
    assert list(found) == ["lemon", "apple"]
    assert [*found.values()] == [Lemon, Apple]
    assert (len(found), found["apple"], found.lookup("lemon")) == (2, Apple, Lemon)
    assert "apple" in found
    assert "pear" not in found
    assert found.get("pear") is None
    assert found.infos() == (Lemon.info, Apple.info)
    assert repr(found) == "Registry('fruit': lemon, apple)"


def test_a_description_can_be_the_plugin() -> None:
    assert Registry("fruit", [Apple.info])["apple"].colour == "red"


def test_needs_follow_the_fields_of_a_kind() -> None:
    assert (Apple.info.needs, Lemon.info.needs) == ((), ("warmth", "sun"))
    with pytest.raises(FrozenInstanceError):
        Apple.info.title = "Pear"  # type: ignore[misc]


@pytest.mark.parametrize("name", ["appel", "Apple", "apple ", "apples"])
def test_an_unknown_key_is_answered_with_the_nearest(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        fruits()[name]
    assert str(caught.value) == f"there is no fruit {name!r}. Did you mean apple?"
    assert caught.value.exit_code is ExitCode.WRONG_INPUT


@pytest.mark.parametrize("name", ["", "zzz", "\x1b[2J"])
def test_an_unknown_key_that_is_like_none_is_answered_with_all(name: str) -> None:
    with pytest.raises(UnknownName, match=r"^--fruit: there is no .* There are lemon, apple\.$"):
        fruits().lookup(name, where="--fruit")


@pytest.mark.parametrize("key", [None, 3, [], {}])
def test_a_key_that_is_no_text(key: object) -> None:
    with pytest.raises(UsageError, match="there is no fruit"):
        fruits()[key]  # type: ignore[index]


def test_an_unknown_key_is_a_key_error_as_of_any_mapping() -> None:
    with pytest.raises(KeyError):
        fruits()["pear"]


def test_register_is_a_decorator() -> None:
    found = fruits()

    @found.register
    class Pear:
        info = FruitInfo("pear", "Pear", "Linnaeus 1753", "green")

    assert found["pear"] is Pear
    assert list(found) == ["lemon", "apple", "pear"]


@pytest.mark.parametrize(
    "key", ["", "Apple", "1st", "a-b", "a b", "a:b", "_a", "ä", "a\n", 3, None]
)
def test_a_malformed_key_is_refused(key: object) -> None:
    found = fruits()
    with pytest.raises(UsageError, match=r"^fruit: .* is not a key. Use lower-case"):
        found.register(replace(Apple.info, key=key))  # type: ignore[arg-type]
    assert list(found) == ["lemon", "apple"]


def test_a_key_is_registered_once() -> None:
    with pytest.raises(UsageError, match="fruit: the key 'apple' is registered already"):
        Registry("fruit", (Apple, Lemon, replace(Apple.info, title="Other")))


@pytest.mark.parametrize("text", ["", " ", "a | b", "a\nb", "\u202ea", None])
@pytest.mark.parametrize("field", ["title", "source", "needs"])
def test_a_text_that_does_not_fit_a_table_is_refused(field: str, text: str) -> None:
    info = replace(Apple.info, **{field: (text,) if field == "needs" else text})
    with pytest.raises(UsageError, match=r"^fruit apple: .* cannot be shown in a table"):
        Registry("fruit", [info])


def test_needs_are_a_tuple() -> None:
    with pytest.raises(UsageError, match="fruit apple: needs are a tuple"):
        Registry("fruit", [replace(Apple.info, needs="sun")])  # type: ignore[arg-type]


@pytest.mark.parametrize("plugin", [object(), str, "apple", None])
def test_a_plugin_without_a_description_is_refused(plugin: object) -> None:
    with pytest.raises(UsageError, match=r"has no description. Give it an attribute `info`"):
        Registry("fruit", [plugin])


def test_a_table() -> None:
    assert fruits().table() == [
        ("fruit", "name", "colour", "source"),
        ("`lemon`", "Lemon", "yellow", "Osbeck 1765"),
        ("`apple`", "Apple", "red", "Linnaeus 1753"),
    ]
    chosen = {
        "sour": lambda fruit: registry.yes_or_no(fruit.info.sour),
        "name": lambda fruit: fruit.__name__.upper(),
    }
    assert fruits().markdown(chosen) == (
        "| fruit | name | sour | source |\n"
        "| --- | --- | --- | --- |\n"
        "| `lemon` | LEMON | yes | Osbeck 1765 |\n"
        "| `apple` | APPLE | no | Linnaeus 1753 |\n"
    )
    assert Registry("fruit").table() == [("fruit", "name", "source")]


def test_markdown() -> None:
    assert markdown_table(iter([("a",), ("1",)])) == "| a |\n| --- |\n| 1 |\n"


def test_the_examples_of_the_module() -> None:
    found = doctest.testmod(registry)
    assert found.attempted >= 5
    assert found.failed == 0
