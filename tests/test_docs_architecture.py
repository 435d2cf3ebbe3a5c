"""The architecture page lists every package in its layer."""

from tests.pages import rows, section
from tests.test_architecture import LAYERS


def test_every_package_is_listed_in_its_layer() -> None:
    table = {row[1]: int(row[0]) for row in rows(section("architecture", "Layers"))[1:]}
    assert table == LAYERS


def test_layers_are_listed_from_the_highest() -> None:
    layers = [int(row[0]) for row in rows(section("architecture", "Layers"))[1:]]
    assert layers == sorted(layers, reverse=True)
