"""The page on telemetry has each condition as it is declared."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcm.telemetry.runbook import RUNBOOK
from pcm.telemetry.runbook.described import row

PAGE = Path(__file__).parents[3] / "docs" / "telemetry.md"


@pytest.mark.parametrize("condition", RUNBOOK)
def test_the_page_has_the_condition_as_it_is_declared(condition: str) -> None:
    assert row(RUNBOOK[condition]) in PAGE.read_text().splitlines()
