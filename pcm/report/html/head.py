"""The head of the page: what became of the run, in a sentence and in a few numbers."""

from __future__ import annotations

from pcm.durations import counted, duration, rate
from pcm.report.html.markup import Markup, cut, tag
from pcm.report.html.words import LOSS_WORDS, moment, share, took
from pcm.report.story import Story

_GOOD, _OPEN = ("completed",), ("running", "interrupted")


def head_part(story: Story) -> Markup:
    accounts, manifest = story.accounts, story.manifest
    grade = "good" if story.state in _GOOD else "open" if story.state in _OPEN else "bad"
    began = moment(story.sittings[0].began) if story.sittings else moment(manifest.created)
    by = f", by {story.by}" if story.by else ""
    where = story.sittings[-1].host if story.sittings else ""
    line = f"run {manifest.run}, task {manifest.task.name}; begun {began} UTC{by}"
    return tag(
        "header",
        tag("p", "pcm report", class_="dim kicker"),
        tag("h1", cut(manifest.name, 200), " ", tag("span", story.state, class_=f"pill {grade}")),
        tag("p", cut(f"{line}{f' on {where}' if where else ''}", 400), class_="dim"),
        tag("p", _in_words(story), class_="lead"),
        tag("pre", cut(accounts.error, 4000), class_="bad") if accounts.error else Markup(""),
        _tiles(story),
    )


def _in_words(story: Story) -> str:
    accounts, fall = story.accounts, story.waterfall
    bad = accounts.failed + accounts.quarantined
    done = f"{accounts.finished:,} of {counted(accounts.items, 'item')} finished"
    sentences = [f"{done}, {bad:,} of them failed." if bad else f"{done}, none failed."]
    sittings = f" in {accounts.sittings} sittings" if accounts.sittings > 1 else ""
    if fall.bound_seconds:
        sentences.append(
            f"It took {took(fall.seconds)}{sittings}; with these workers no scheduler could have "
            f"been done before {took(fall.bound_seconds)}: {accounts.efficiency:.1%} of the best."
        )
        worst = max(fall.losses, key=lambda loss: loss.seconds)
        if worst.seconds > 0.005 * fall.seconds:
            words, meaning = LOSS_WORDS[worst.name]
            sentences.append(
                f"Most was lost to {words.lower()} ({meaning}): {took(worst.seconds)}."
            )
    else:
        sentences.append(f"It took {took(fall.seconds)}{sittings}.")
    return " ".join(sentences)


def _tiles(story: Story) -> Markup:
    accounts, split = story.accounts, story.accounts.split
    peak = max(story.series.workers, default=0.0)
    gpus = max(story.series.gpus, default=0.0)
    taken = sum(worker.left in ("evicted", "lost") for worker in accounts.workers)
    overhead = accounts.overhead_seconds_per_batch
    tiles = [
        ("items finished", f"{accounts.finished:,}", f"of {accounts.items:,}"),
        ("time", duration(accounts.seconds), rate(accounts.items_per_second)),
        ("of the best possible", f"{accounts.efficiency:.1%}", "the bound over the time"),
        (
            "useful",
            share(split.useful_seconds, split.joined_seconds),
            f"of {duration(split.joined_seconds)} of workers",
        ),
        (
            "workers",
            f"{len({worker.worker for worker in accounts.workers}):,}",
            f"at most {peak:,.0f} at a time" + (f", {gpus:,.0f} GPUs" if gpus else ""),
        ),
        ("taken away", f"{taken:,}", f"lost batches: {accounts.lost_batches:,}"),
        (
            "batches",
            f"{accounts.batches:,}",
            "" if overhead is None else f"{overhead * 1e3:.1f} ms of overhead each",
        ),
        ("loads", f"{accounts.context_loads:,}", f"{accounts.load_failures:,} failed"),
    ]
    return tag(
        "ul",
        *(
            tag("li", tag("span", name, class_="dim"), tag("b", value), tag("span", more))
            for name, value, more in tiles
        ),
        class_="tiles",
    )
