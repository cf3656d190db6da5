from __future__ import annotations

from pathlib import Path

import pytest

from workers.heads.plan import HeadPlan
from workers.heads.profile import HeadProfile
from workers.inference.fairkv.documents import read_document

PROFILE = HeadProfile("tiny", 128, 4, 1000, ((100.0, 156.5), (1.0, 0.0)), head_bytes=10)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(PROFILE.to_json())
    assert read_document(HeadProfile, path) == PROFILE


def test_a_file_that_is_none_is_named_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=f"^{path}: this is no plan of heads: .*; make it anew"):
        read_document(HeadPlan, path)
    with pytest.raises(ValueError, match=f"^{path}: this is no profile .*; write it anew by a pro"):
        read_document(HeadProfile, path)
