"""The page as a whole."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from pcm.report.history import History
from pcm.report.html.bars import by_use, keys, legend, stacked_bar
from pcm.report.html.cascade import cascade
from pcm.report.html.head import head_part
from pcm.report.html.loads import loads_table
from pcm.report.html.markup import Markup, cut, joined, tag, text
from pcm.report.html.over_time import crew_plot, progress_plot, rate_plot, sizes_plot
from pcm.report.html.provenance import provenance_part, sittings_table
from pcm.report.html.tables import contexts_table, events_table, slowest_table, workers_table
from pcm.report.html.telling import deeds_part, failures_part, findings_part
from pcm.report.html.timeline import timeline_plot
from pcm.report.story import Story


def page(story: Story, history: History) -> str:
    """The whole file. What it shows of others' texts is escaped, and its policy forbids the browser
    to run or fetch anything."""
    style = resources.files(__package__).joinpath("style.css").read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    sections = [made for made in _sections(story, history) if made is not None]
    links = [tag("a", title, href=f"#{name}") for name, title, _ in sections]
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{cut(story.manifest.name, 80)}: pcm report"),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        tag(
            "main",
            head_part(story),
            tag("nav", *links, aria_label="Parts of the report"),
            *(_section(name, title, content) for name, title, content in sections),
        ),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _sections(story: Story, history: History) -> list[tuple[str, str, Markup] | None]:
    """Name, title and content of each; None where there is nothing to tell."""
    accounts = story.accounts
    split = by_use(accounts.split)
    breaks = [span.before for span in history.sittings[1:]]
    scores = story.skew.scores
    end = history.sittings[-1].ended if history.sittings else story.manifest.created
    return [
        ("bound", "Where the time went", cascade(story.waterfall)),
        (
            "split",
            "Worker time by use",
            joined([stacked_bar(split, "worker time by use"), legend(split)]),
        ),
        ("time", "Over time", _over_time(story, history, breaks)),
        ("loads", "Load times", loads_table(story.load_times)) if story.load_times else None,
        ("failures", "Failures", failures_part(story.failures)) if story.failures else None,
        ("findings", "Findings of telemetry", findings_part(story.skew.findings, end))
        if story.skew.findings
        else None,
        ("deeds", "Actions and remedies", deeds_part(story.deeds)) if story.deeds else None,
        ("workers", "Workers", workers_table(accounts.workers, scores)),
        ("contexts", "Contexts", contexts_table(accounts.contexts)),
        ("slowest", "Slowest items", slowest_table(accounts.slowest)) if accounts.slowest else None,
        ("sittings", "Sittings", sittings_table(story.sittings)),
        ("provenance", "Provenance", provenance_part(story)),
        ("log", "Entries of the event log", _log(story)),
    ]


def _log(story: Story) -> Markup:
    counted = events_table(story.events)
    dropped = story.accounts.dropped_events
    if not dropped:
        return counted
    gone = f"The {dropped:,} oldest entries are gone: all that is told begins later."
    return joined([tag("p", gone, class_="bad"), counted])


def _section(name: str, title: str, content: Markup) -> Markup:
    return tag("section", tag("h2", title), content, id=name)


def _over_time(story: Story, history: History, breaks: list[float]) -> Markup:
    if not history.seconds:
        return text("No manager has worked on it yet.")
    series = story.series
    lanes, fineness = timeline_plot(history, breaks)
    dashes = "; dashed lines are between sittings" if breaks else ""
    return joined(
        [
            _figure("Items finished", "", progress_plot(series, story.accounts.items, breaks)),
            _figure("Items per second", "", rate_plot(series, breaks)),
            _figure("Workers, by what they did", keys(_gpu_words(series.gpus, series.workers)),
                    crew_plot(series, breaks)),
            _figure("Each worker", f"{fineness}; triangles: taken away{dashes}", lanes),
            _figure("Items per batch", "the median, and where eight of ten batches lie",
                    sizes_plot(series, breaks)),
        ]
    )  # fmt: skip


def _gpu_words(gpus: list[float], workers: list[float]) -> str:
    return "the line is the number of GPUs" if any(gpus) and gpus != workers else ""


def _figure(title: str, more: object, plot: Markup) -> Markup:
    caption = tag("figcaption", tag("b", title), tag("span", more, class_="dim"))
    return tag("figure", caption, plot)
