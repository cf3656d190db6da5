"""The engine's connection to its driver, which is started, and started again, here."""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable

import msgspec

from pcm.engines.reactor import READ, WRITE, Reactor
from pcm.engines.taskvine.messages import (
    FromDriver,
    Listening,
    Stop,
    ToDriver,
    Trouble,
    decode_from_driver,
    encode,
)
from pcm.engines.taskvine.processes import DriverProcess
from pcm.errors import EngineError
from workers.host.link import FrameError
from workers.protocol import MAX_FRAME_BYTES

START_SECONDS = 30.0
"""How long the driver may take until TaskVine listens."""
STOP_SECONDS = 5.0
DEATHS = 3
DEATHS_SECONDS = 60.0
"""No driver is started after more deaths within so long."""


class Connection:
    """Messages in both directions while there is a driver."""

    def __init__(
        self,
        reactor: Reactor,
        arguments: Callable[[], list[str]],
        on_listening: Callable[[Listening], None],
        on_message: Callable[[FromDriver], None],
        on_line: Callable[[str], None],
        on_death: Callable[[str], None],
    ) -> None:
        """``arguments`` gives those of a new driver; ``on_listening`` is told where it listens.
        ``on_line`` is called with what it prints; ``on_death`` when it has died, with how, and
        before there is another: all workers have left then."""
        self._reactor, self._arguments = reactor, arguments
        self._on_listening = on_listening
        self._on_message, self._on_line, self._on_death = on_message, on_line, on_death
        self._driver: DriverProcess | None = None
        self._messages: list[ToDriver] = []
        self._deaths: list[float] = []

    def open(self) -> None:
        """Start a driver. Raises EngineError if TaskVine does not come to listen."""
        try:
            driver = self._driver = DriverProcess(self._arguments())
        except OSError as error:
            raise EngineError(f"no process for TaskVine's manager: {error}") from error
        self._on_listening(self._await_listening(driver))
        self._reactor.watch(driver, lambda _: self._on_exit(driver))
        self._reactor.watch(driver.output, lambda _: self._on_output(driver))
        self._watch(driver)

    def say(self, message: ToDriver) -> None:
        """Send a message with the next ``flush``."""
        self._messages.append(message)

    def flush(self) -> None:
        messages, self._messages = self._messages, []
        driver = self._driver
        if driver is None or not messages:
            return
        body = encode(messages)
        if len(body) <= MAX_FRAME_BYTES:
            driver.link.send(body)
        else:
            for message in messages:
                one: list[ToDriver] = [message]
                driver.link.send(encode(one))
        if driver.link.unsent:
            self._watch(driver)

    def close(self) -> None:
        """Let all workers go, and end the driver."""
        driver, self._driver = self._driver, None
        if driver is None:
            return
        self._unwatch(driver)
        last: list[ToDriver] = [Stop()]
        driver.link.send(encode(last))
        driver.link.flush_within(STOP_SECONDS)
        driver.end(signal.SIGCONT, STOP_SECONDS)
        driver.close()

    def _await_listening(self, driver: DriverProcess) -> Listening:
        deadline = time.monotonic() + START_SECONDS
        problem = f"it did not listen within {START_SECONDS:g} s"
        with selectors.DefaultSelector() as waiting:
            waiting.register(driver.link, READ)
            while not driver.link.ended and time.monotonic() < deadline:
                waiting.select(max(0.0, deadline - time.monotonic()))
                for frame in driver.link.receive():
                    for message in decode_from_driver(frame):
                        if isinstance(message, Listening):
                            return message
                        if isinstance(message, Trouble):
                            problem = message.problem
        driver.end(signal.SIGKILL, STOP_SECONDS)
        words = driver.last_words()
        driver.close()
        self._driver = None
        raise EngineError(f"TaskVine's manager did not start: {problem}\n{words}".rstrip("\n"))

    def _watch(self, driver: DriverProcess) -> None:
        events = READ if driver.link.flush() else READ | WRITE
        self._reactor.watch(driver.link, lambda ready: self._on_link(driver, ready), events)

    def _unwatch(self, driver: DriverProcess) -> None:
        for watched in (driver, driver.link, driver.output):
            self._reactor.unwatch(watched)

    def _on_link(self, driver: DriverProcess, ready: int) -> None:
        if ready & WRITE:
            self._watch(driver)
        if not ready & READ:
            return
        try:
            for frame in driver.link.receive():
                for message in decode_from_driver(frame):
                    self._on_message(message)
        except (FrameError, msgspec.MsgspecError):
            driver.send_signal(signal.SIGKILL)
        if driver.link.ended:
            self._reactor.unwatch(driver.link)  # Its exit is about to be seen.

    def _on_output(self, driver: DriverProcess) -> None:
        lines = driver.read_output()
        if lines is None:
            self._reactor.unwatch(driver.output)
        for line in lines or ():
            self._on_line(line)

    def _on_exit(self, driver: DriverProcess) -> None:
        """Start another. Raises EngineError if that was of no use several times."""
        self._driver = None
        self._messages.clear()
        self._unwatch(driver)
        why = f"TaskVine's manager ended: {driver.how_it_ended()}"
        words = driver.last_words()
        driver.close()
        self._on_death(why)
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < DEATHS_SECONDS] + [now]
        if len(self._deaths) > DEATHS:
            raise EngineError(f"{why}, {len(self._deaths)} times\n{words}".rstrip("\n"))
        self.open()
