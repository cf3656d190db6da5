from __future__ import annotations

from tests.cli.conftest import Project


def test_this_machine_can_run_the_local_engine(project: Project) -> None:
    end = project.pcm("doctor", "--json")
    assert end.code == 0, end
    sections = {section["title"]: section["checks"] for section in end.answer["sections"]}
    assert end.answer["local_engine_works"] is True
    assert sections["versions"][0]["name"] == "python"
    assert {"taskvine engine", "HTCondor pool", "machine"} <= sections.keys()


def test_the_findings_are_shown_as_text_with_their_mends(project: Project) -> None:
    end = project.pcm("doctor")
    assert end.code == 0, end
    assert "local engine: works\n  trial run  one worker, one batch" in end.stdout
