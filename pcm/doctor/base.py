"""The findings of an examination."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["ok", "missing", "broken", "note"]


class Check(msgspec.Struct, frozen=True):
    """One finding. ``mend`` says what to do where the state is ``missing`` or ``broken``."""

    name: str
    state: State
    detail: str = ""
    mend: str = ""


class Section(msgspec.Struct, frozen=True):
    """Findings that belong together. ``works``: whether what it is about can be used as it is."""

    title: str
    checks: list[Check]

    @property
    def works(self) -> bool:
        return all(check.state in ("ok", "note") for check in self.checks)
