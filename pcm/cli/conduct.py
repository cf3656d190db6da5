"""From a run that was opened to its end: progress, Ctrl-C, the last words and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pcm.cli import exits
from pcm.cli.choice import Choice
from pcm.cli.interrupts import Interrupts
from pcm.cli.served import Wish, served, where_it_is
from pcm.cli.supply import Supply
from pcm.cli.verbs import complain, emit
from pcm.durations import counted, duration, rate
from pcm.errors import PcmError
from pcm.watching import watch
from pcm.watching.notices import Notices
from pcm.watching.progress import display

if TYPE_CHECKING:
    from pcm.engines.base import Engine
    from pcm.manager import Manager, Run
    from pcm.manager.dashboard import Dashboard
    from pcm.report import Summary

SHOWN_FAILURES = 3


def carry_out(
    choice: Choice,
    workers: int | None,
    directory: Path,
    begin: Callable[[Manager], Run],
    *,
    supply: Supply | None = None,
    dashboard: Wish = None,
    as_json: bool,
) -> int:
    """Open the run in the directory in a manager of its own, see it through, say how it ended.

    ``supply``: the glideins that it takes, if any. ``dashboard``: where its page is served.

    Workers are started when the run is open, so bad input costs nothing. Gives the exit code;
    raises what ``begin`` raises.
    """
    with Notices() as notices, served(dashboard, directory) as page:
        if supply is not None and supply.glideins:
            manager, count = _with_glideins(choice, supply, directory, page), workers or 0
        else:
            supply = None
            manager, count = _plain(choice, workers, directory, page)
        with manager:
            run = begin(manager)
            if not as_json:
                _advise(manager, run, supply, count)
                if page is not None and (line := where_it_is(page, run.directory, dashboard)):
                    typer.echo(line, err=True)
            manager.resize(count)
            error, interrupted = _wait(run, manager, notices, silent=as_json)
            if not run.done:  # the manager itself has failed: there is nothing to wait for
                manager.close()
    _recall(run.directory)
    summary = run.summary()
    code = _code(run, summary, error, interrupted)
    if as_json:
        emit(_answer(run, summary, error, code))
    else:
        _say(run, summary, error)
    return code


def _plain(
    choice: Choice, workers: int | None, directory: Path, page: Dashboard | None
) -> tuple[Manager, int]:
    """A manager without workers yet, and how many it shall have."""
    from pcm.manager import Manager

    carrier = _engine(choice, workers, directory)
    count = carrier.default_workers() if workers is None else workers
    manager = Manager(carrier, workers=0, telemetry=choice.telemetry, dashboard=page or False)
    return manager, count


def _with_glideins(
    choice: Choice, supply: Supply, directory: Path, page: Dashboard | None
) -> Manager:
    from pcm.manager import Manager

    return Manager(
        choice.engine,
        workers=0,
        glideins=supply.glideins,
        home=supply.home_of(directory),
        host=supply.host,
        telemetry=choice.telemetry,
        dashboard=page or False,
        **choice.engine_options,
    )


def _advise(manager: Manager, run: Run, supply: Supply | None, count: int) -> None:
    """Where workers come from, if they are not started here."""
    invitation = manager.invitation()
    if supply is not None:
        offers = [f"{one.name} (at most {one.most})" for one in supply.glideins]
        where = shlex.quote(str(run.directory.absolute()))
        typer.echo(f"glideins: {', '.join(offers)}; see pcm glidein status {where}", err=True)
    elif not count and invitation is not None:
        typer.echo(invitation.advice(run.directory), err=True)


def _engine(choice: Choice, workers: int | None, directory: Path) -> Engine:
    """With the password that a manager left who died here: his workers may still look for him."""
    from pcm.engines import check_workers, make_engine
    from pcm.engines.invitation import PASSWORD_FILE

    options, left = dict(choice.engine_options), directory / PASSWORD_FILE
    if "listen" in options and "password_file" not in options and left.is_file():
        options["password_file"] = left.absolute()
    engine = make_engine(choice.engine, **options, workers=workers)
    engine.made_of = choice._asdict()
    check_workers(engine, workers)
    return engine


def _wait(
    run: Run, manager: Manager, notices: Notices, *, silent: bool
) -> tuple[PcmError | None, bool]:
    """The error that ended the run, if any, and whether it was asked to stop."""
    shown = display(silent=silent)
    before, notices.show = notices.show, shown.note
    with Interrupts() as interrupts:
        try:
            watch(run, shown, lambda: interrupts.asked, glideins=manager.glideins)
        except PcmError as error:
            return error, interrupts.asked
        finally:
            notices.show = before
        return None, interrupts.asked


def _recall(directory: Path) -> None:
    """Glideins that a person has submitted for this run have nobody to go to any more."""
    from pcm.cli.glidein.naming import name_by_hand

    if name_by_hand(directory):
        from pcm.cli.glidein.recall import recall

        for line in recall(directory):
            typer.echo(line, err=True)


def _code(run: Run, summary: Summary, error: PcmError | None, interrupted: bool) -> int:
    if error is None and run.outcome == "completed":
        return exits.ITEMS_FAILED if summary.failed else exits.SUCCEEDED
    return exits.INTERRUPTED if interrupted else exits.RUN_FAILED


def _answer(run: Run, summary: Summary, error: PcmError | None, code: int) -> dict[str, Any]:
    answer = summary.to_dict() | {
        "name": run.name,
        "directory": str(run.directory.absolute()),
        "outcome": run.outcome,
        "outputs": _outputs(run),
        "exit_code": code,
    }
    return answer if error is None else answer | {"error": str(error)}


def _outputs(run: Run) -> list[str]:
    """The files that were written: all of them if the run is completed, else none."""
    from pcm.formats.base import place
    from pcm.journal import JournalReader

    if run.outcome != "completed":
        return []
    with JournalReader(run.directory) as reader:
        outputs = reader.manifest.outputs
    return [
        str(place(path, run.directory.absolute())) for output in outputs for path in output.paths()
    ]


def _say(run: Run, summary: Summary, error: PcmError | None) -> None:
    from pcm.cli.failures import described, failures
    from pcm.journal import JournalReader

    if error is not None:
        complain(error)
    done = summary.succeeded + summary.failed
    typer.echo(
        f"{run.name}: {counted(summary.items, 'item')}, {summary.succeeded:,} succeeded,"
        f" {summary.failed:,} failed"
        + (f", {summary.items - done:,} not done" if done < summary.items else "")
        + f"; {duration(summary.seconds)}, {rate(summary.items_per_second)}"
    )
    where = shlex.quote(str(run.directory.absolute()))
    if run.outcome != "completed":
        typer.echo(f"go on with: pcm resume {where}")
        return
    for path in _outputs(run):
        typer.echo(f"results: {path}")
    if summary.failed:
        with JournalReader(run.directory) as reader:
            for failure in failures(reader)[:SHOWN_FAILURES]:
                typer.echo(f"  {described(failure)}")
        typer.echo(f"tracebacks: pcm report {where}")
        typer.echo(f"to try them again: pcm resume --retry-failed {where}")
