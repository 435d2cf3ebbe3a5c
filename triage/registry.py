"""Registries of plug-ins: heads, losses, scores, calibrators and every other kind with names.

A plug-in is an object or a class with an attribute `info` of type `Info`, or an `Info` itself. A
`Registry` maps the keys of one kind to its plug-ins: settings, bundles and the command line look
names up in it, and the documentation's tables are made from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from triage.errors import UsageError, unknown_name

Plugin = TypeVar("Plugin")

_KEY = re.compile(r"[a-z][a-z0-9_]*")
_CELL = re.compile(r"(?=.*\S)[^|]*")


@dataclass(frozen=True)
class Info:
    """Description of a plug-in for tables and the command line; kinds extend it.

    Parameters
    ----------
    key : str
        Stable name, as in settings, in bundles and on the command line: lower-case letters,
        digits and underscores, beginning with a letter.
    title : str
        Name for readers.
    source : str
        Publication, and what differs from it.
    needs : tuple of str
        What the plug-in cannot be used without, in words; empty where nothing is required.
    """

    key: str
    title: str
    source: str
    needs: tuple[str, ...] = field(default=(), kw_only=True)


class Registry(Mapping[str, Plugin], Generic[Plugin]):
    """Plug-ins of one kind by their keys, in the order of registration.

    Parameters
    ----------
    kind : str
        Singular noun for messages and the header of tables, such as 'head'.
    plugins : iterable
        Registered in this order.
    columns : mapping of str to callable, optional
        Columns of the documentation's table between name and source: the header, and a function
        that returns the cell of a plug-in. A column called 'name' replaces the title.

    Raises
    ------
    UsageError
        If a plug-in cannot be registered; see `register`.

    Examples
    --------
    >>> scores = Registry("score", [Info("knn", "Nearest neighbours", "Sun et al. 2022")])
    >>> scores["knn"].title
    'Nearest neighbours'
    >>> scores["kn"]
    Traceback (most recent call last):
    triage.errors.UnknownName: there is no score 'kn'. Did you mean knn?
    >>> print(scores.markdown(), end="")
    | score | name | source |
    | --- | --- | --- |
    | `knn` | Nearest neighbours | Sun et al. 2022 |
    """

    def __init__(
        self,
        kind: str,
        plugins: Iterable[Plugin] = (),
        *,
        columns: Mapping[str, Callable[[Plugin], str]] | None = None,
    ) -> None:
        self.kind = kind
        self.columns = dict(columns or {})
        self._plugins: dict[str, Plugin] = {}
        for plugin in plugins:
            self.register(plugin)

    def register(self, plugin: Plugin) -> Plugin:
        """Add a plug-in under the key of its `info` and return it, so that this is a decorator.

        Raises
        ------
        UsageError
            If it has no `info`, its key is malformed or already taken, or a text is empty or
            cannot stand in a cell of a table.
        """
        info = self._info(plugin)
        if not isinstance(info.key, str) or not _KEY.fullmatch(info.key):
            raise UsageError(
                f"{info.key!r} is not a key",
                where=self.kind,
                hint="Use lower-case letters, digits and underscores, and begin with a letter.",
            )
        if info.key in self._plugins:
            raise UsageError(
                f"the key {info.key!r} is registered already",
                where=self.kind,
                hint="Choose another key.",
            )
        if not isinstance(info.needs, tuple):
            raise UsageError(
                f"needs are a tuple of texts, not {info.needs!r}",
                where=f"{self.kind} {info.key}",
                hint="Write (text,) for a single one.",
            )
        for text in (info.title, info.source, *info.needs):
            if not isinstance(text, str) or not _CELL.fullmatch(text) or not text.isprintable():
                raise UsageError(
                    f"{text!r} cannot be shown in a table",
                    where=f"{self.kind} {info.key}",
                    hint="Write one line without '|'.",
                )
        self._plugins[info.key] = plugin
        return plugin

    def lookup(self, key: str, *, where: str | None = None) -> Plugin:
        """Return the plug-in of a key.

        Parameters
        ----------
        key : str
        where : str, optional
            The option or field that names it, for the message.

        Raises
        ------
        UnknownName
            If there is none; the message has the nearest key, or all. It is a `UsageError`, and
            a `KeyError` as of any mapping, so `in` and `get` behave as usual.
        """
        try:
            return self._plugins[key]
        except (KeyError, TypeError):
            raise unknown_name(self.kind, str(key), self._plugins, where=where) from None

    def __getitem__(self, key: str) -> Plugin:
        return self.lookup(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plugins)

    def __len__(self) -> int:
        return len(self._plugins)

    def __repr__(self) -> str:
        return f"Registry({self.kind!r}: {', '.join(self._plugins)})"

    def infos(self) -> tuple[Info, ...]:
        """Descriptions of all plug-ins."""
        return tuple(self._info(plugin) for plugin in self._plugins.values())

    def table(
        self, columns: Mapping[str, Callable[[Plugin], str]] | None = None
    ) -> list[tuple[str, ...]]:
        """Rows of the documentation's table: the header, then one for each plug-in.

        Parameters
        ----------
        columns : mapping of str to callable, optional
            As in the constructor, whose columns it replaces.

        Returns
        -------
        list of tuple of str
            Key, name, `columns`, source.
        """
        columns = self.columns if columns is None else columns
        between = [header for header in columns if header != "name"]
        rows = [(self.kind, "name", *between, "source")]
        for key, plugin in self._plugins.items():
            info = self._info(plugin)
            name = columns["name"](plugin) if "name" in columns else info.title
            cells = (columns[header](plugin) for header in between)
            rows.append((f"`{key}`", name, *cells, info.source))
        return rows

    def markdown(self, columns: Mapping[str, Callable[[Plugin], str]] | None = None) -> str:
        """Return `table` in Markdown, a line feed at its end."""
        return markdown_table(self.table(columns))

    def _info(self, plugin: object) -> Info:
        info = plugin if isinstance(plugin, Info) else getattr(plugin, "info", None)
        if not isinstance(info, Info):
            raise UsageError(
                f"{plugin!r} has no description",
                where=self.kind,
                hint="Give it an attribute `info` of type `triage.registry.Info`.",
            )
        return info


def markdown_table(rows: Iterable[Sequence[str]]) -> str:
    """Write rows of cells as a Markdown table, a line feed at its end.

    Parameters
    ----------
    rows : iterable of sequence of str
        The header first; all of the same length.

    Examples
    --------
    >>> print(markdown_table([("a", "b"), ("1", "2")]), end="")
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    header, *others = rows
    lines = [header, ("---",) * len(header), *others]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def yes_or_no(value: bool) -> str:
    """Cell of a table for a property that a plug-in has or has not."""
    return "yes" if value else "no"
