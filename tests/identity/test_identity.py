from __future__ import annotations

from pcm.identity import Identity

PARTS = {"source": "ab12", "argument 'n'": "3", "global PROMPT": "cd34"}


def test_the_digest_is_of_the_parts_in_any_order() -> None:
    identity = Identity.of("task", PARTS)
    assert Identity.of("other name", dict(reversed(PARTS.items()))).digest == identity.digest
    assert Identity.of("task", PARTS | {"source": "ab13"}).digest != identity.digest
    assert len(identity.digest) == 32


def test_changes_are_told_part_by_part() -> None:
    earlier = Identity.of("task", PARTS)
    now = Identity.of("task", {"source": "ffff", "argument 'n'": "4", "global TABLE": "5e"})
    assert now.changes_since(earlier) == [
        "argument 'n' changed from 3 to 4",
        "global PROMPT is gone",
        "global TABLE is new",
        "source changed",
    ]
    assert earlier.changes_since(earlier) == []


def test_learning_a_hub_models_commit_is_no_change() -> None:
    unknown = Identity.of("c", {"source": "ab"})
    known = Identity.of("c", {"source": "ab", "commit of 'model'": "a" * 40})
    moved = Identity.of("c", {"source": "ab", "commit of 'model'": "b" * 40})
    assert known.changes_since(unknown) == unknown.changes_since(known) == []
    assert moved.changes_since(known) == ["commit of 'model' changed"]
