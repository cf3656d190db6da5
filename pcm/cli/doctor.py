"""``pcm doctor``: what works on this machine and what is missing for which engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb

if TYPE_CHECKING:
    from pcm.doctor import Section


@verb
def command(as_json: AsJson = False) -> int:
    """Examine this machine. Exit code 0 if the local engine works."""
    import msgspec

    from pcm.doctor import examine, local_engine_works

    sections = []
    for section in examine():
        sections.append(section)
        if not as_json:
            _show(section)
    works = local_engine_works(sections)
    if as_json:
        emit({"local_engine_works": works, "sections": msgspec.to_builtins(sections)})
    return exits.SUCCEEDED if works else exits.RUN_FAILED


def _show(section: Section) -> None:
    typer.echo(f"{section.title}: {'works' if section.works else 'something is missing'}")
    width = max(len(check.name) for check in section.checks)
    mended = ""
    for check in section.checks:
        state = "" if check.state in ("ok", "note") else f"{check.state}: "
        typer.echo(f"  {check.name:<{width}}  {state}{check.detail}".rstrip())
        if check.mend and check.mend != mended:
            typer.echo(f"  {'':<{width}}  mend: {check.mend}")
            mended = check.mend
