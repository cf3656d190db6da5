"""The run files in the documentation are ones that can be read, and they show every field."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcm.runfile import RunFile, read
from pcm.runfile.glidein_class import GlideinClass
from pcm.runfile.importing import referenced
from pcm.tasks import Task

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_can_be_read_and_names_a_task(path: Path) -> None:
    run_file, _ = read(path)
    assert isinstance(referenced(run_file.task, path.parent), Task)


def test_the_examples_show_every_field() -> None:
    _, document = read(EXAMPLES / "fact_verification.yaml")
    of_glideins = {"glideins", "home", "host"}
    assert document.value.keys() == RunFile.model_fields.keys() - of_glideins
    _, document = read(EXAMPLES / "glideins.yaml")
    assert document.value.keys() >= of_glideins
    classes = {name for written in document.value["glideins"] for name in written}
    assert classes == GlideinClass.model_fields.keys() - {"archive"}, "an image is in its place"
