"""From an object in the user's process to bytes that a bare worker can load."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from pcm.errors import InputError
from pcm.packing.delivery import Source, deliver
from pcm.packing.fault import find_fault
from pcm.packing.pickler import dumps
from pcm.user_code.survey import Survey


class _WithSources:
    """An object, preceded by the sources that it imports; it unpickles as the object."""

    def __init__(self, value: object, sources: list[Source]) -> None:
        self.value, self.sources = value, sources

    def __reduce__(self) -> Any:
        # Parts of a pickle are made in order: the sources are there when the value is made.
        return (operator.itemgetter(1), ((_Delivered(self.sources), self.value),))


class _Delivered:
    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources

    def __reduce__(self) -> Any:
        return (deliver, (self.sources,))


def pack(value: object, *, installed: Iterable[str] = ()) -> bytes:
    """Pickle functions with their arguments, so that plain ``pickle.loads`` loads them anywhere.

    The user's functions, classes and modules go by value, and so do those of pcm; libraries go by
    name, as do the modules named in ``installed`` (a library that is developed from a checkout).
    Modules that functions import in their bodies are sent as source.

    Raises InputError, naming the variable, for what cannot be pickled.
    """
    by_name = frozenset(name.partition(".")[0] for name in installed)
    survey = Survey()
    survey.value(value)
    sources = [
        (source.name, source.text, source.is_package, source.file)
        for source in survey.imported.values()
        if source.name.partition(".")[0] not in by_name
    ]
    whole = _WithSources(value, sources) if sources else value
    try:
        return dumps(whole, survey, by_name)
    except Exception as error:
        fault = find_fault(value, lambda part: dumps(part, survey, by_name)) or str(error)
        raise InputError(
            f"{fault} ({type(error).__name__}: {error})",
            mend="make it inside the function, where the worker can make its own",
        ) from error
