from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from condor import Glideins
from pcm.errors import InputError
from pcm.runfile import RunFileError, parse
from pcm.runfile.engine import engine_of
from pcm.runfile.glidein_class import GlideinClass
from pcm.runfile.glideins import glideins_of

pytest.importorskip("classad2")

RUN = """\
task: task.py:task
context: {factory: task.py:context}
items: {file: items.jsonl}
glideins:
  - name: a
    most: 3
"""


def found(text: str, base: Path = Path("/base")) -> tuple[Glideins, ...]:
    run_file, document = parse(text, "run.yaml")
    return glideins_of(run_file, document, base)


def blame(text: str) -> str:
    with pytest.raises(InputError) as caught:
        found(text)
    return str(caught.value)


def test_the_shape_has_every_field_with_its_default() -> None:
    own = {one.name: one for one in dataclasses.fields(Glideins)}
    assert own.keys() == GlideinClass.model_fields.keys()
    for name, field in GlideinClass.model_fields.items():
        expected = own[name]
        if expected.default is not dataclasses.MISSING:
            assert field.default == expected.default, name
        elif expected.default_factory is not dataclasses.MISSING:
            assert field.get_default(call_default_factory=True) == {}, name
        else:
            assert field.is_required(), name


def test_classes_are_read_with_their_units() -> None:
    more = """\
    gpu_memory: 40 GB
    capability: 8
    memory: 2e9
    walltime: 8 h
    attributes: {+WantGlidein: true, +ProjectName: '"Mine"', Priority: 3}
    environment: {OMP_NUM_THREADS: 4}
  - {name: b, most: 1, gpus: 0}
"""
    first, second = found(RUN + more)
    assert (first.name, first.most, first.gpu_memory_bytes) == ("a", 3, 40_000_000_000)
    assert (first.capability, first.memory_bytes, first.walltime_seconds) == (8.0, 2e9, 28800.0)
    attributes = {"+WantGlidein": "true", "+ProjectName": '"Mine"', "Priority": "3"}
    assert first.attributes == attributes
    assert first.environment == {"OMP_NUM_THREADS": "4"}
    assert second == Glideins(name="b", most=1, gpus=0)


def test_files_start_at_the_run_file(tmp_path: Path) -> None:
    (tmp_path / "env.tar.gz").touch()
    (tmp_path / "image.sif").touch()
    (one,) = found(RUN + "    archive: env.tar.gz\n", tmp_path)
    assert one.archive == str(tmp_path / "env.tar.gz")
    (one,) = found(RUN + "    image: image.sif\n", tmp_path)
    assert one.image == str(tmp_path / "image.sif")
    for image in ("docker://python", "/cvmfs/image", "absent.sif"):
        assert found(RUN + f"    image: {image}\n", tmp_path)[0].image == image


def engine(text: str, **given: Any) -> tuple[str, dict[str, Any]]:
    run_file, document = parse(text, "run.yaml")
    told = {"engine": None, "options": {}, "workers": None} | given
    return engine_of(run_file, document, Path("/base"), **told)


def test_the_engine_is_implied() -> None:
    assert engine(RUN) == ("taskvine", {})
    assert engine(RUN + "engine: taskvine\nengine_options: {ssl: true}\n") == (
        "taskvine",
        {"ssl": True},
    )
    assert engine(RUN + "workers: 0\n")[0] == "taskvine", "glideins are workers"
    assert engine(RUN, engine="local") == ("local", {})


def test_no_glideins_need_nothing() -> None:
    text = RUN[: RUN.index("glideins")]
    assert found(text) == found(text + "glideins: []\n") == ()
    assert engine(text + "glideins: []\n") == ("local", {})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("    gpu_memory: much\n", "run.yaml:7: glideins[0].gpu_memory: 'much' is not a size; wr"),
        ("    gpu_memory: true\n", "run.yaml:7: glideins[0].gpu_memory: must be text or a number"),
        ("    walltime: long\n", "run.yaml:7: glideins[0].walltime: 'long' is not a time; write"),
        ("    walltime: 90 s\n", "run.yaml:7: glideins[0].walltime: '90 s' leaves no time to wo"),
        ("    least: 4\n", "run.yaml:7: glideins[0].least: is 4, with 3 at most; lower it"),
        ("    cpus: 1.5\n", "run.yaml:7: glideins[0].cpus: should be a valid integer, not 1.5"),
        ("    memroy: 1 GB\n", "run.yaml:7: glideins[0].memroy: unknown field; did you mean mem"),
        ("    requirements: (a\n", "run.yaml:7: glideins[0].requirements: '(a' is no ClassAd ex"),
        ("    archive: no\n", "run.yaml:7: glideins[0].archive: should be a valid string, not"),
        ("    archive: no.tar\n", "run.yaml:7: glideins[0].archive: /base/no.tar is no file; ma"),
        (
            "    attributes:\n      Good: 1\n      Bad: a b\n",
            "run.yaml:9: glideins[0].attributes.Bad: 'a b' is no ClassAd expression; text has q",
        ),
        ("    submit: {queue: 3}\n", "run.yaml:7: glideins[0].submit: queue is pcm's own to giv"),
        ("    environment: {A: yes}\n", "run.yaml:7: glideins[0].environment.A: must be text or"),
        ("  - {name: a, most: 1}\n", "run.yaml:7: glideins[1].name: another class is 'a'; rename"),
        ("  - {name: b}\n", "run.yaml:7: glideins[1].most: is missing; add it"),
        ("engine: local\n", "run.yaml:7: engine: is local, which takes no glideins; write taskv"),
    ],
)
def test_a_mistake_is_named_with_its_line(more: str, words: str) -> None:
    assert blame(RUN + more).startswith(words)


def test_home_and_host_go_with_glideins() -> None:
    text = RUN[: RUN.index("glideins")]
    assert blame(text + "host: here\n").startswith("run.yaml:4: host: goes with glideins; add")
    assert blame(text + "home: there\n").startswith("run.yaml:4: home: goes with glideins")


def test_several_mistakes_are_told_together() -> None:
    with pytest.raises(RunFileError) as caught:
        found(RUN + "    cpus: x\n    gpus: y\n")
    assert len(caught.value.problems) == 2
