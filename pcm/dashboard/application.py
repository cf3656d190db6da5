"""The application: routes of the page, of the API and of metrics, behind the guard."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection
from functools import partial

import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from pcm.dashboard import openapi, views
from pcm.dashboard.feed import Feed
from pcm.dashboard.given_up import exported
from pcm.dashboard.guard import Guard
from pcm.dashboard.hub import Hub
from pcm.dashboard.metrics import CONTENT_TYPE, Metrics
from pcm.dashboard.questions import ItemsQuestion, Nothing, StreamQuestion, understood
from pcm.dashboard.replies import answer, fault, fault_of, packed
from pcm.dashboard.routes import RUN_ROUTES, RunRoute
from pcm.dashboard.shelf import Shelf
from pcm.dashboard.static_files import StaticFiles
from pcm.dashboard.stream import StreamReply
from pcm.errors import InputError, JournalError, PcmError

log = logging.getLogger("pcm.dashboard")

FRESHEN_SECONDS = 0.02
"""So long is read on in a run's log before a question about it is answered."""

ACTION_SECONDS = 15.0
MOST_BODY_BYTES = 4096


def application(
    shelf: Shelf, hub: Hub, token: str, port: int, names: Collection[str] = ()
) -> ASGIApp:
    """For who has the token. ``names``: hosts by which this server is called, besides loopback."""
    doors = _Doors(shelf, hub)
    files = StaticFiles()
    routes = [
        Route("/", files.page),
        Route("/static/{path:path}", files.file),
        Route("/metrics", doors.metrics),
        Route("/api/schema", doors.schema),
        Route("/api/runs", doors.runs),
        Route("/api/stream", doors.stream),
        Route("/api/runs/{run}/items.jsonl", doors.export),
        Route("/api/runs/{run}/actions", doors.act, methods=["POST"]),
        *(
            Route(f"/api/runs/{{run}}/{route.path}", partial(doors.ask, route))
            for route in RUN_ROUTES
        ),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _http_fault,
            InputError: _bad_input,
            PcmError: _bad_files,
            Exception: _own_fault,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, token, port, names)


class _Doors:
    """What is asked for, handler by handler."""

    def __init__(self, shelf: Shelf, hub: Hub) -> None:
        self._shelf = shelf
        self._hub = hub
        self._metrics = Metrics(shelf, hub)
        self._schema = msgspec.json.encode(openapi.schema())

    async def schema(self, request: Request) -> Response:
        return packed(request, self._schema, "application/json")

    async def metrics(self, request: Request) -> Response:
        self._shelf.follow(FRESHEN_SECONDS)
        return packed(request, self._metrics.text(), CONTENT_TYPE)

    async def runs(self, request: Request) -> Response:
        understood(request.query_params.multi_items(), Nothing)
        self._shelf.follow(FRESHEN_SECONDS)
        return answer(request, self._shelf.heads())

    async def ask(self, route: RunRoute, request: Request) -> Response:
        feed = self._feed(request)
        question = understood(request.query_params.multi_items(), route.question)
        return answer(request, await route.does(feed, question))

    async def export(self, request: Request) -> Response:
        feed = self._feed(request)
        question = understood(request.query_params.multi_items(), ItemsQuestion)
        pages = exported(feed.directory, question, feed.moment(question.at))

        async def lines() -> AsyncIterator[bytes]:
            try:
                while page := await anyio.to_thread.run_sync(next, pages, b""):
                    yield page
            finally:
                pages.close()

        name = f"{feed.run}-failed-items.jsonl".replace('"', "")
        return StreamingResponse(
            lines(),
            media_type="application/x-ndjson",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def stream(self, request: Request) -> Response | StreamReply:
        asked = understood(request.query_params.multi_items(), StreamQuestion)
        last = request.headers.get("last-event-id", "")
        viewer = self._hub.join(asked.run, int(last) if last.isdecimal() else 0)
        if viewer is None:
            return fault(503, "too many pages are open", "close some")
        return StreamReply(self._hub, viewer)

    async def act(self, request: Request) -> Response:
        from pcm.control.client import act

        feed = self._feed(request)
        body = await _body(request)
        try:
            asked = msgspec.json.decode(body, type=views.Action)
        except msgspec.MsgspecError as error:
            raise InputError(f"not an action: {error}", mend="see /api/schema") from None
        found = await anyio.to_thread.run_sync(
            partial(
                act,
                feed.directory,
                asked.action,
                asked.worker,
                by="dashboard",
                timeout_seconds=ACTION_SECONDS,
            )
        )
        return answer(request, views.ActionAnswer(done=found.done, text=found.text))

    def _feed(self, request: Request) -> Feed:
        feed = self._shelf.get(request.path_params["run"])
        if feed is None:
            raise HTTPException(404, "no such run is shown")
        feed.look()
        feed.follow(FRESHEN_SECONDS)
        return feed


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise HTTPException(413, "an action is not as long as that")
    return body


async def _http_fault(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    mend = "/api/runs lists them" if error.status_code == 404 else ""
    return fault(error.status_code, error.detail, mend)


async def _bad_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    return fault_of(error, 400)


async def _bad_files(request: Request, error: Exception) -> Response:
    assert isinstance(error, PcmError)
    return fault_of(error, 500 if isinstance(error, JournalError) else 502)


async def _own_fault(request: Request, error: Exception) -> Response:
    log.error("%s: %r", request.url.path, error)
    return fault(500, f"the dashboard failed: {type(error).__name__}", "see its standard error")
