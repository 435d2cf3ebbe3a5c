"""The page on the architecture has every package in its layer."""

from tests.pages import rows, section
from tests.test_architecture import FLOORS


def test_every_package_is_listed_in_its_layer() -> None:
    table = {row[1]: int(row[0]) for row in rows(section("architecture", "Layers"))[1:]}
    assert table == FLOORS


def test_layers_are_listed_from_the_highest() -> None:
    layers = [int(row[0]) for row in rows(section("architecture", "Layers"))[1:]]
    assert layers == sorted(layers, reverse=True)
