"""Arguments of loaders, replaced by places."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from workers.host.arguments import with_places


def test_arguments_keep_their_kind() -> None:
    args, kwargs = with_places(
        ("/m", 5, Path("/m")),
        {"model": "org/name", "draft": PurePosixPath("/d"), "n": 1},
        {0: "/a", 2: "/b", "model": "/c", "draft": "/d2"},
    )
    assert args == ["/a", 5, Path("/b")]
    assert kwargs == {"model": "/c", "draft": PurePosixPath("/d2"), "n": 1}
    assert [type(value) for value in (args[0], args[2])] == [str, type(Path())]
    assert type(kwargs["draft"]) is PurePosixPath


def test_without_places_they_are_as_they_were() -> None:
    value = object()
    assert with_places((value,), {"x": value}, {}) == ([value], {"x": value})


@pytest.mark.parametrize("argument", [1, -1, "model"])
def test_an_argument_that_was_not_given_is_named(argument: int | str) -> None:
    with pytest.raises(LookupError, match=str(argument)):
        with_places(("/m",), {}, {argument: "/a"})
