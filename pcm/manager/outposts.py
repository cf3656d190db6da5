"""A manager's life with glideins: its home, an engine that they can come back to, their supply."""

from __future__ import annotations

import dataclasses
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pcm.core.events import Event
from pcm.engines import make_engine
from pcm.engines.base import Engine
from pcm.errors import EngineError, InputError
from pcm.manager.glideins import GlideinSupply
from pcm.manager.home import Home

if TYPE_CHECKING:
    from condor import Glideins
    from condor.fleet import Status
    from pcm.manager.loop import Loop

log = logging.getLogger("pcm.glideins")
"""What is said here is for people."""

ENGINE = "taskvine"


class Outposts:
    """From the manager's making until its close."""

    def __init__(
        self,
        engine: str | Engine,
        classes: Sequence[Glideins],
        home: str | Path | None,
        host: str,
        options: Mapping[str, Any],
    ) -> None:
        """Raises InputError for what does not go with glideins, classes that nothing can come of,
        or a home that cannot be used."""
        if engine != ENGINE:
            raise InputError(
                "go with the taskvine engine, by its name",
                field="glideins",
                mend='give engine="taskvine", and its options beside it',
            )
        check_bindings()
        from condor import prospects

        for line in prospects.check(classes):
            log.warning(line)
        self._options = dict(options)
        self._classes, self._host = tuple(classes), host
        self._home = Home(home)
        self._loop: Loop | None = None
        try:
            self._supply = GlideinSupply(
                classes,
                self._home.glideins,
                self._home.id,
                self._tell,
                log.info,
                host=host,
                changed=self._wake,
            )
        except BaseException:
            self._home.close()
            raise

    def make_engine(self, workers: int | None) -> Engine:
        """One that listens where it did before, with the same password, unless told otherwise.
        Runs remember what it and the glideins were made of, for ``pcm resume``."""
        home = self._home
        options = {"listen": home.port, "password_file": home.password_file} | self._options
        try:
            engine = make_engine(ENGINE, workers=workers, **options)
        except BaseException:
            home.close()
            raise
        made_of = {
            "engine": ENGINE,
            "engine_options": dict(self._options),
            **recorded(self._classes, home.path, self._host),
        }
        engine.made_of = msgspec.to_builtins(made_of, enc_hook=str)
        return engine

    def open(self, loop: Loop) -> None:
        """The engine listens: offer the pools. Raises InputError, EngineError."""
        invitation = loop.engine.invitation()
        if invitation is None:
            raise EngineError("the engine takes no workers from outside")
        self._home.keep_port(invitation.port)
        self._loop = loop
        self._supply.start(invitation)
        offers = self._supply.offers()

        def offer() -> None:
            loop.supply = self._supply
            for event in offers:
                loop.tell(event)

        loop.call(offer)

    def status(self) -> list[Status]:
        return self._supply.status()

    def close(self) -> None:
        """Take all jobs back. Safe to call twice."""
        self._supply.stop()
        self._loop = None
        self._home.close()

    def _tell(self, event: Event) -> None:
        loop = self._loop
        if loop is not None:
            loop.call(lambda: loop.tell(event))

    def _wake(self) -> None:
        """There is something to be written in the logs of runs."""
        loop = self._loop
        if loop is not None:
            loop.call(lambda: None)


def check_bindings() -> None:
    """Raises InputError if this Python cannot talk to HTCondor: nobody would ever come."""
    if importlib.util.find_spec("htcondor2") is None:
        raise InputError(
            "need HTCondor's bindings, which this Python does not have",
            field="glideins",
            mend="pip install htcondor",
        )


def recorded(classes: Sequence[Glideins], home: Path, host: str) -> dict[str, Any]:
    """Among the options of a run; ``pcm.cli.supply`` reads it."""
    return {"glideins": [_fields(one) for one in classes], "home": str(home), "host": host}


def _fields(glideins: Glideins) -> dict[str, Any]:
    """What was declared, where it is not the default; as JSON has it."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(glideins):
        value = getattr(glideins, field.name)
        empty = field.default_factory is not dataclasses.MISSING and not value
        if not empty and value != field.default:
            found[field.name] = str(value) if isinstance(value, Path) else value
    return found
