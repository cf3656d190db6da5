"""Tokens in files, as HTCondor has them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from condor.credentials import expired, seconds_left, tokens


def token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2ln"


def test_tokens_and_when_they_end(tmp_path: Path) -> None:
    assert expired(tmp_path, 0.0) == expired(tmp_path / "absent", 0.0) == ""
    (tmp_path / "a").write_text(f"{token(exp=1000)}\n\n{token(exp=2000, sub='x')}\n")
    (tmp_path / "b").write_text("no token\na.b.c\n\xff.\xff.\xff\n" + f"a.{'W10'}.c\n")
    (tmp_path / "folder").mkdir()
    assert [one.expires for one in tokens(tmp_path)] == [1000.0, 2000.0]
    assert expired(tmp_path, 1500.0) == ""
    assert expired(tmp_path, 9200.0) == (
        f"your token {tmp_path / 'a'} expired at 1970-01-01 00:33:20 UTC, as have 1 more there"
    )
    assert seconds_left(tokens(tmp_path), 1500.0) == 500.0
    (tmp_path / "c").write_text(token(sub="x"))
    assert expired(tmp_path, 9200.0) == ""
    assert seconds_left(tokens(tmp_path), 1500.0) is None
