"""The items of a run file: a JSON Lines file, checked line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pcm.errors import InputError


@dataclass(frozen=True)
class ItemFile:
    """Iterating reads the file anew and raises InputError (file, line, field) for a bad line.

    With ``fields``, items have only these and their key, all of which must be there.
    """

    path: str
    key: str | None = None
    limit: int | None = None
    fields: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        from pcm.formats import read_jsonl

        wanted = self.fields
        if wanted is not None and self.key is not None and self.key not in wanted:
            wanted = (self.key, *wanted)
        for line, item in read_jsonl(self.path, self.key, self.limit):
            yield item if wanted is None else self._selected(item, wanted, line)

    def check(self) -> int:
        """Read everything once; gives the number of items, of which there is at least one."""
        return sum(1 for _ in self)

    def _selected(self, item: dict[str, Any], wanted: tuple[str, ...], line: int) -> dict[str, Any]:
        for name in wanted:
            if name not in item:
                mend = "add it, or take it out of items.fields of the run file"
                raise InputError("is missing", file=self.path, line=line, field=name, mend=mend)
        return {name: item[name] for name in wanted}
