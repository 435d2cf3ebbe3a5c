"""Fixtures that tests of verbs use too."""

from tests.pipelines.conftest import database, inbox, store

__all__ = ["database", "inbox", "store"]
