"""The map of the house is complete, files are small, and what documents name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPPED = ("pcm", "workers", "condor", "apps", "evaluations")
SOURCES = (*MAPPED, "tests", ".ci")
MAX_LINES = 400


def sources(root: Path, folders: tuple[str, ...]) -> Iterator[str]:
    """Python files, and scripts without a suffix, by their path from the root."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            is_source = path.suffix == ".py" or not path.suffix
            if path.is_file() and is_source and "__pycache__" not in path.parts:
                yield path.relative_to(root).as_posix()


def rows(page: str, root: Path) -> Iterator[str]:
    """The files that have a row: its first cell, below the folder that the heading begins with."""
    folder = ""
    for line in page.splitlines():
        if heading := re.match(r"#+ ([\w./-]+)", line):
            name = heading[1]
            folder = f"{name}/" if (root / name).is_dir() else ""
        elif row := re.match(r"\| `([\w./-]+)` \|", line):
            yield folder + row[1]


def faults_of_the_map(page: str, root: Path) -> list[str]:
    """What has no row, what has two, and rows without a file."""
    named = list(rows(page, root))
    modules = [path for path in sources(root, MAPPED) if not path.endswith("__init__.py")]
    faults = [f"{path} has no row" for path in modules if path not in named]
    faults += [f"{path} has {named.count(path)} rows" for path in modules if named.count(path) > 1]
    faults += [f"{path} is not there" for path in named if not (root / path).is_file()]
    return faults


def test_every_module_has_its_row_and_every_row_its_file() -> None:
    faults = faults_of_the_map((ROOT / "docs" / "structure.md").read_text(), ROOT)
    assert faults == []


def test_a_fault_of_the_map_is_found(tmp_path: Path) -> None:
    for name in ("pcm/core/there.py", "pcm/core/twice.py", "pcm/core/new.py", "pcm/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    page = "## pcm/core: pure\n| `there.py` | a |\n| `twice.py` | a |\n| `gone.py` | a |\n"
    page += "## Around\n| `pcm/core/twice.py` | a |\n"
    assert faults_of_the_map(page, tmp_path) == [
        "pcm/core/new.py has no row",
        "pcm/core/twice.py has 2 rows",
        "pcm/core/gone.py is not there",
    ]


def test_no_file_is_long() -> None:
    lengths = {
        path: len((ROOT / path).read_bytes().splitlines()) for path in sources(ROOT, SOURCES)
    }
    assert len(lengths) > 200
    assert {p: n for p, n in lengths.items() if n > MAX_LINES} == {}


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    """Relative links, paths of the repository in code marks, and tests as ``FILE::NAME``."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    tops = "|".join(re.escape(folder) for folder in (*MAPPED, "tests", "docs", ".ci"))
    paths = re.findall(rf"`((?:{tops})/[\w./-]+)(?:::\w+)?`", text)
    assert [path for path in paths if not _is_there(ROOT / path)] == []
    tests = re.findall(r"`(tests/[\w./]+)::(\w+)`", text)
    assert [name for path, name in tests if f"def {name}(" not in (ROOT / path).read_text()] == []


def _is_there(path: Path) -> bool:
    """Modules are named with and without their suffix."""
    return path.exists() or path.with_name(f"{path.name}.py").exists()
