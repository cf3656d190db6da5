"""What ran: by which code, with which options, on which sittings; so that it can be run again."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pcm
from pcm.durations import duration
from pcm.identity import Identity
from pcm.report.html.markup import Markup, cut, joined, tag
from pcm.report.html.tables import fold, table
from pcm.report.html.words import moment
from pcm.report.story import SittingHead, Story

MOST_CHARACTERS = 400
MOST_PARTS = 300


def provenance_part(story: Story) -> Markup:
    manifest = story.manifest
    options = dict(manifest.options)
    engine = options.pop("engine", "")
    engine_options = options.pop("engine_options", None)
    facts = [
        ("run", manifest.run),
        ("directory", story.directory),
        ("by", story.by),
        ("created", f"{moment(manifest.created)} UTC"),
        ("pcm", f"{manifest.pcm} (this report: {pcm.__version__})"),
        ("engine", f"{engine} {_plain(engine_options)}" if engine_options else engine),
        ("task", f"{manifest.task.name}, {manifest.task.digest}"),
        ("task's source", manifest.task.parts.get("source", "")),
        ("context", f"{manifest.context.name}, {manifest.context.digest}"),
        ("requirements", _plain(manifest.requirements)),
        ("options", _plain(options)),
        ("items", f"{manifest.items:,}, digest {manifest.items_digest}"),
        ("outputs", ", ".join(path for output in manifest.outputs for path in output.paths())),
    ]
    return joined(
        [
            _definitions((name, value) for name, value in facts if value),
            fold(
                "What the identities of task and context are made of",
                joined([_identity("task", manifest.task), _identity("context", manifest.context)]),
                is_open=False,
            ),
        ]
    )


def sittings_table(sittings: list[SittingHead]) -> Markup:
    rows = [
        (
            moment(one.began),
            duration(one.ended - one.began),
            cut(one.host, 120),
            one.pid or "",
            "in good order" if one.stopped else "last word; crashed, or at work still",
        )
        for one in sittings
    ]
    return table(("began (UTC)", "lasted", "host", "process", "ended"), rows)


def _identity(role: str, identity: Identity) -> Markup:
    rows = [
        (cut(part, 200), tag("code", cut(value, 120)))
        for part, value in list(identity.parts.items())[:MOST_PARTS]
    ]
    heading = tag("h3", f"{role} {cut(identity.name, 200)}")
    return joined([heading, table(("part", "digest or value"), rows)])


def _definitions(facts: Iterable[tuple[str, str]]) -> Markup:
    return tag(
        "dl",
        *(
            joined([tag("dt", name), tag("dd", tag("code", cut(value, MOST_CHARACTERS)))])
            for name, value in facts
        ),
    )


def _plain(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)
