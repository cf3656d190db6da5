from __future__ import annotations

from workers.host.tracebacks import MAX_MESSAGE_CHARS, MAX_TRACEBACK_CHARS, report


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return raised


def test_type_message_and_traceback() -> None:
    told = report(caught(ValueError("bad")))
    assert (told.type, told.message, str(told)) == ("ValueError", "bad", "ValueError: bad")
    assert "in caught" in told.traceback


def test_types_are_named_with_their_module() -> None:
    assert report(Odd()).type == f"{__name__}.Odd"


def test_an_exception_that_cannot_be_shown() -> None:
    assert report(caught(Odd())).message == "(its message cannot be shown: RuntimeError)"


def test_causes_are_told() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        text = report(error).traceback
    assert text.index("KeyError: 'inner'") < text.index("ValueError: outer")


def test_endless_words_are_shortened() -> None:
    told = report(caught(ValueError("x" * 100_000)))
    assert len(told.message) < MAX_MESSAGE_CHARS + 100
    assert len(told.traceback) < MAX_TRACEBACK_CHARS + 100
    assert "characters left out" in told.message
