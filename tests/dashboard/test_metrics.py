"""Metrics: read by Prometheus's own parser, bounded in number, and those that Grafana asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from pcm.core.events import Capacity, WorkerJoined
from pcm.dashboard.hub import Hub
from pcm.dashboard.metrics import MOST_KINDS, Metrics
from pcm.dashboard.shelf import Shelf
from tests.dashboard import runs

ROOT = Path(__file__).parents[2]
ENDINGS = {
    "counter": ("_total",),
    "info": ("_info",),
    "histogram": ("_bucket", "_sum", "_count"),
}
"""Of the samples of a family, by its type."""

PER_WORKER = {"worker", "batch", "item", "host", "key"}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    runs.finished(tmp_path / "run")
    shelf = Shelf()
    shelf.add(tmp_path / "run")
    shelf.follow(10.0)
    yield shelf
    shelf.close()


def families(shelf: Shelf) -> dict[str, Metric]:
    text = Metrics(shelf, Hub(shelf)).text().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(family: Metric, suffix: str = "", **labels: str) -> list[float]:
    return [
        sample.value
        for sample in family.samples
        if sample.name.endswith(suffix) and labels.items() <= sample.labels.items()
    ]


def test_they_say_what_the_run_is(shelf: Shelf) -> None:
    found = families(shelf)
    assert values(found["pcm_items"], task="verify") == [runs.ITEMS]
    assert values(found["pcm_items_finished"]) == [11]
    assert values(found["pcm_items_failed"]) == [2]
    assert values(found["pcm_evictions"]) == [1]
    assert values(found["pcm_run_state"], state="completed") == [1]
    assert sum(values(found["pcm_run_state"])) == 1
    assert values(found["pcm_context_loads"], context="the model", outcome="loaded") == [2]
    assert values(found["pcm_context_loads"], context="the model", outcome="failed") == [1]
    assert values(found["pcm_findings"], condition="hot") == [1]


def test_worker_seconds_are_those_of_the_books(shelf: Shelf) -> None:
    overview = shelf.feeds[runs.RUN].overview()
    found = families(shelf)["pcm_worker_seconds"]
    assert sum(values(found)) == pytest.approx(
        overview.split.useful_seconds
        + overview.split.loading_seconds
        + overview.split.lost_seconds
        + overview.split.idle_seconds
        + overview.split.no_work_seconds
    )


def test_batch_seconds_are_a_histogram(shelf: Shelf) -> None:
    found = families(shelf)["pcm_batch_seconds"]
    assert found.type == "histogram"
    assert values(found, "_count", kind="H100") == [2]
    assert values(found, "_sum", kind="H100") == [pytest.approx(49.0, abs=0.01)]
    buckets = values(found, "_bucket", kind="H100")
    assert buckets == sorted(buckets)
    assert buckets[-1] == 2


def test_each_has_its_type_and_a_word_of_help(shelf: Shelf) -> None:
    found = families(shelf)
    assert len(found) > 25
    for name, family in found.items():
        assert name.startswith("pcm_")
        assert family.type in ("counter", "gauge", "histogram", "info"), name
        assert family.documentation, name


def test_no_label_names_a_worker_a_batch_or_an_item(tmp_path: Path) -> None:
    many = [
        (91.0, WorkerJoined(f"n{number}", Capacity(kind=f"kind-{number}"))) for number in range(300)
    ]
    runs.finished(tmp_path / "many", log=[*runs.story(), *many])
    shelf = Shelf()
    shelf.add(tmp_path / "many")
    shelf.follow(10.0)
    found = families(shelf)
    shelf.close()
    for family in found.values():
        for sample in family.samples:
            assert not PER_WORKER & sample.labels.keys()
    kinds = {sample.labels["kind"] for sample in found["pcm_workers"].samples}
    assert "other" in kinds
    assert len(kinds) == MOST_KINDS + 1


def test_grafana_asks_for_what_there_is(shelf: Shelf) -> None:
    names = {
        name + ending
        for name, family in families(shelf).items()
        for ending in ENDINGS.get(family.type, ("",))
    }
    dashboard = json.loads((ROOT / "docs/grafana/pcm.json").read_text())
    asked = [one["expr"] for panel in dashboard["panels"] for one in panel["targets"]]
    asked.append(dashboard["templating"]["list"][1]["query"])
    metrics = {name for query in asked for name in re.findall(r"\bpcm_\w+", query)}
    assert len(metrics) > 20
    assert metrics <= names


def test_the_page_lists_what_there_is(shelf: Shelf) -> None:
    page = (ROOT / "docs/dashboard.md").read_text()
    for name, family in families(shelf).items():
        if not name.startswith("pcm_dashboard_process"):
            ending = ENDINGS[family.type][0] if family.type in ("counter", "info") else ""
            assert f"`{name}{ending}`" in page, name
