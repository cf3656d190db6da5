"""Runs a task over the items of one batch, so that an item's failure is nobody else's.

A task takes ``(context, items, **arguments)`` and gives one result per item, in order, as a list
(or another sequence) or one by one (a generator or another iterator).

When a call raises, or gives a wrong number of results, the items without outcome are tried again:
the one at which an iterator stopped by itself first, the others in halves, until each has its
result or fails alone. So an error that was caused by one item (or by too many at once, such as
running out of memory) costs a number of calls logarithmic in the batch, and blames nobody else.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from workers.host import accelerator
from workers.host.tracebacks import report
from workers.host.values import Unserialisable, decode_item, encode_result
from workers.protocol import ErrorReport, ItemResult

Emit = Callable[[ItemResult, bool], None]
"""Takes an outcome, and whether more follows at once, so that it may wait."""


class ReplicaBroken(Exception):
    """The process cannot run anything any more; the items in flight are not to blame."""


class Trouble(NamedTuple):
    """A call that left items without outcome."""

    left: Sequence[int]
    error: ErrorReport
    at_first: bool
    """Whether the first of them is the likely cause."""


Agree = Callable[[Trouble], None]


class BatchRun:
    """One batch: ``run`` gives every item exactly one outcome, in no fixed order."""

    def __init__(
        self,
        function: Callable[..., Any],
        context: Any,
        arguments: Mapping[str, Any],
        items: Sequence[bytes],
        emit: Emit,
        agree: Agree | None = None,
    ) -> None:
        """``agree`` is called before items are tried again, with why, and returns when they may
        be."""
        self._function, self._context, self._arguments = function, context, arguments
        self._items = items
        self._emit, self._agree = emit, agree
        self._open = len(items)

    def run(self) -> None:
        """Raises ReplicaBroken if the accelerator does not answer any more."""
        pending: list[Sequence[int]] = [range(len(self._items))] if self._items else []
        while pending:
            trouble = self._call(pending.pop())
            if trouble is None:
                continue
            left = trouble.left
            if len(left) == 1:
                self._fail(left[0], trouble.error)
            elif trouble.at_first:
                alone = self._call(left[:1])
                if alone is not None:
                    self._fail(left[0], alone.error)
                    pending.append(left[1:])
                else:
                    pending += _halves(left[1:])
            else:
                pending += _halves(left)

    def _call(self, positions: Sequence[int]) -> Trouble | None:
        """Call the task once. None if every one of the items has its outcome now."""
        trouble = self._call_alone(positions)
        if trouble is not None and self._agree is not None:
            self._agree(trouble)
        return trouble

    def _call_alone(self, positions: Sequence[int]) -> Trouble | None:
        positions, items = self._decoded(positions)
        if not items:
            return None
        started = time.perf_counter()
        try:
            answer = self._function(self._context, items, **self._arguments)
            results = list(answer) if _is_sequence(answer) else None
            stream = iter(answer) if results is None and _is_stream(answer) else None
        except BaseException as error:
            return Trouble(positions, _described(error), False)
        if results is not None:
            return self._take_all(positions, results, time.perf_counter() - started)
        if stream is not None:
            return self._take_each(positions, stream, started)
        return Trouble(positions, _wrong_kind(answer), False)

    def _decoded(self, positions: Sequence[int]) -> tuple[list[int], list[Any]]:
        """Fresh items for every call, since a task may have changed those it was given."""
        good, items = [], []
        for position in positions:
            try:
                items.append(decode_item(self._items[position]))
                good.append(position)
            except BaseException as error:
                self._fail(position, report(error))
        return good, items

    def _take_all(
        self, positions: Sequence[int], results: list[Any], seconds: float
    ) -> Trouble | None:
        if len(results) != len(positions):
            return Trouble(positions, _wrong_count("returned", len(results), positions), False)
        share = seconds / len(positions)
        for position, value in zip(positions, results, strict=True):
            self._finish(position, value, share, more=position != positions[-1])
        return None

    def _take_each(
        self, positions: Sequence[int], stream: Iterator[Any], started: float
    ) -> Trouble | None:
        count = len(positions)
        for index, position in enumerate(positions):
            try:
                value = next(stream)
            except StopIteration:
                error = _wrong_count("yielded", index, positions)
                return Trouble(positions[index:], error, True)
            except BaseException as raised:
                return Trouble(positions[index:], _described(raised), True)
            now = time.perf_counter()
            seconds, started = now - started, now
            if index < count - 1:
                self._finish(position, value, seconds)
        # The last result counts only if the task agrees that it is the last.
        try:
            next(stream)
        except StopIteration:
            pass
        except BaseException:
            # All results are there, so this is no item's failure; it is in the log.
            traceback.print_exc()
        else:
            _close(stream)
            self._fail(positions[-1], _wrong_count("yielded", f"more than {count}", positions))
            return None
        self._finish(positions[-1], value, seconds)
        return None

    def _finish(self, position: int, value: Any, seconds: float, *, more: bool = False) -> None:
        if isinstance(value, BaseException):
            self._fail(position, _described(value), seconds, more=more)
            return
        try:
            encoded = encode_result(value)
        except Unserialisable as problem:
            self._fail(position, problem.report, seconds, more=more)
            return
        self._open -= 1
        self._emit(ItemResult(position, seconds, encoded), more or self._open == 0)

    def _fail(
        self, position: int, error: ErrorReport, seconds: float = 0.0, *, more: bool = False
    ) -> None:
        self._open -= 1
        self._emit(ItemResult(position, seconds, None, error), more or self._open == 0)


def _halves(positions: Sequence[int]) -> list[Sequence[int]]:
    """The second half first: the list is used as a stack."""
    middle = (len(positions) + 1) // 2
    return [half for half in (positions[middle:], positions[:middle]) if half]


def _is_sequence(answer: Any) -> bool:
    if isinstance(answer, (list, tuple)):
        return True
    plain = (str, bytes, bytearray, memoryview, Mapping, AbstractSet, Iterator)
    return (
        hasattr(answer, "__len__")
        and hasattr(answer, "__getitem__")
        and not isinstance(answer, (*plain, type))
    )


def _is_stream(answer: Any) -> bool:
    return isinstance(answer, Iterable) and not isinstance(
        answer, (str, bytes, bytearray, memoryview, Mapping, AbstractSet)
    )


def _described(error: BaseException) -> ErrorReport:
    """In words, so that what the exception's frames hold (tensors) is free for the next call."""
    if accelerator.is_broken():
        raise ReplicaBroken("the accelerator does not answer after an error") from error
    return report(error)


def _wrong_count(verb: str, given: int | str, positions: Sequence[int]) -> ErrorReport:
    results = "result" if given == 1 else "results"
    items = "item" if len(positions) == 1 else "items"
    return ErrorReport(
        "WrongResultCount",
        f"the task {verb} {given} {results} for {len(positions)} {items}; "
        "it must give exactly one result per item, in their order",
    )


def _wrong_kind(answer: Any) -> ErrorReport:
    _close(answer)
    return ErrorReport(
        "WrongResultKind",
        f"the task returned {type(answer).__name__}, not its results; "
        "return a list with one result per item, or yield them one by one",
    )


def _close(answer: Any) -> None:
    """End a generator or coroutine that will not be used."""
    close = getattr(answer, "close", None)
    if callable(close):
        try:
            close()
        except BaseException:
            traceback.print_exc()
