from __future__ import annotations

from pcm.unseen import seen


def test_what_cannot_be_seen_is_written_out() -> None:
    assert seen("a\u200bb\ud800\ttab\nline é 漢") == "a<U+200B>b<U+D800>\ttab\nline é 漢"
