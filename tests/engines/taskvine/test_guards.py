"""Versions, and which guard they need."""

from __future__ import annotations

import pytest

from pcm.engines.taskvine import guards


@pytest.mark.parametrize(
    ("version", "numbers"), [("7.14.5", (7, 14, 5)), ("7.17.0 FINAL", (7, 17, 0)), ("next", ())]
)
def test_versions_are_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert guards.numbers(version) == numbers


@pytest.mark.parametrize(("version", "needed"), [("7.14.5", False), ("7.15.0", True), ("8", True)])
def test_the_anchor(version: str, needed: bool) -> None:
    assert guards.needs_anchor(version) is needed


@pytest.mark.parametrize(("version", "can"), [("7.14.5", True), ("7.16", True), ("7.17.1", False)])
def test_whether_the_kit_is_passed_on(version: str, can: bool) -> None:
    assert guards.can_pass_kit_on(version) is can
