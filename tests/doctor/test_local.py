from __future__ import annotations

import pytest

from pcm.doctor import Check, Section, local_engine_works
from pcm.doctor.local import LOCAL_ENGINE, local_engine


def test_the_local_engine_is_tried() -> None:
    section = local_engine()
    assert section.works, section
    assert "one worker, one batch" in section.checks[0].detail
    assert local_engine_works([section])


def test_a_trial_that_takes_too_long_is_a_finding() -> None:
    section = local_engine(limit_seconds=0.01)
    assert not section.works
    assert "not done after 0.01 s" in section.checks[0].detail


@pytest.mark.parametrize(("state", "works"), [("ok", True), ("broken", False)])
def test_only_the_local_engine_decides(state: str, works: bool) -> None:
    other = Section("taskvine engine", [Check("vine_worker", "missing")])
    local = Section(LOCAL_ENGINE, [Check("trial run", state)])  # type: ignore[arg-type]
    assert local_engine_works([other, local]) is works
