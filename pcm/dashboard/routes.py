"""What can be asked about a run: the API and its schema are made of this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import anyio.to_thread

from pcm.dashboard import answers, views
from pcm.dashboard import questions as ask
from pcm.dashboard.feed import Feed
from pcm.dashboard.given_up import items_page
from pcm.dashboard.log_pages import events_page

T = TypeVar("T")

Answering = Callable[[Feed, Any], Awaitable[Any]]


class RunRoute(NamedTuple):
    """``path``: after ``/api/runs/{run}/``. ``answer``: the type of what it gives."""

    path: str
    question: type[ask.Question]
    answer: Any
    does: Answering
    what: str


async def _overview(feed: Feed, question: ask.Moment) -> views.Overview:
    return feed.overview(question.at)


async def _curves(feed: Feed, question: ask.CurvesQuestion) -> views.Curves:
    return answers.curves(feed.chronicle, feed.moment(question.at), question.points)


async def _workers(feed: Feed, question: ask.WorkersQuestion) -> views.WorkersPage:
    return answers.workers(
        feed.chronicle,
        feed.moment(question.at),
        sort=question.sort,
        descending=question.descending,
        state=question.state,
        search=question.search,
        offset=question.offset,
        limit=question.limit,
    )


async def _timeline(feed: Feed, question: ask.TimelineQuestion) -> views.Timeline:
    return answers.timeline(
        feed.chronicle,
        start=question.start,
        stop=question.stop,
        columns=question.columns,
        first_lane=question.first_lane,
        lanes=question.lanes,
        sort=question.sort,
        at=feed.moment(question.at),
    )


async def _contexts(feed: Feed, question: ask.Moment) -> list[views.ContextRow]:
    return answers.contexts(feed.chronicle, feed.moment(question.at))


async def _items(feed: Feed, question: ask.ItemsQuestion) -> views.ItemsPage:
    return await _beside(partial(items_page, feed.directory, question, feed.moment(question.at)))


async def _glideins(feed: Feed, question: ask.Moment) -> list[views.GlideinRow]:
    return answers.glideins(feed.chronicle, feed.moment(question.at))


async def _findings(feed: Feed, question: ask.Moment) -> list[views.FindingRow]:
    return answers.findings(feed.chronicle, feed.moment(question.at))


async def _events(feed: Feed, question: ask.EventsQuestion) -> views.EventsPage:
    at = feed.moment(question.at)
    last = feed.chronicle.last_seq if question.at is None else feed.chronicle.entries_at(at)
    batches = feed.batches_of(question.worker, at)
    return await _beside(
        partial(events_page, feed.directory, question, last, answers.event, batches)
    )


async def _beside(work: Callable[[], T]) -> T:
    """In a thread: it reads files for longer than others should wait."""
    return await anyio.to_thread.run_sync(work)


RUN_ROUTES = (
    RunRoute("overview", ask.Moment, views.Overview, _overview, "How the run goes."),
    RunRoute("curves", ask.CurvesQuestion, views.Curves, _curves, "Series over the run so far."),
    RunRoute("workers", ask.WorkersQuestion, views.WorkersPage, _workers, "Its workers."),
    RunRoute(
        "timeline",
        ask.TimelineQuestion,
        views.Timeline,
        _timeline,
        "What workers did, a lane each, no finer than a column.",
    ),
    RunRoute("contexts", ask.Moment, list[views.ContextRow], _contexts, "Where contexts are."),
    RunRoute(
        "items", ask.ItemsQuestion, views.ItemsPage, _items, "Items that were given up, last first."
    ),
    RunRoute("glideins", ask.Moment, list[views.GlideinRow], _glideins, "Classes of glideins."),
    RunRoute("findings", ask.Moment, list[views.FindingRow], _findings, "Findings of telemetry."),
    RunRoute(
        "events", ask.EventsQuestion, views.EventsPage, _events, "Entries of its log, last first."
    ),
)
