"""All findings, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator

from pcm.doctor.base import Section
from pcm.doctor.htcondor import htcondor
from pcm.doctor.local import LOCAL_ENGINE, local_engine
from pcm.doctor.machine import machine
from pcm.doctor.taskvine import taskvine
from pcm.doctor.versions import inference, versions


def examine() -> Iterator[Section]:
    """Examine this machine, section by section; everything that could hang has a time limit."""
    for section in (versions, inference, machine, local_engine, taskvine, htcondor):
        yield section()


def local_engine_works(sections: list[Section]) -> bool:
    """Whether runs can be started on this machine, without any cluster."""
    return any(section.title == LOCAL_ENGINE and section.works for section in sections)
