from __future__ import annotations

from pathlib import Path

import pytest

from workers.staging.hub_cache import hub_folder


def test_where_the_hub_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/u")
    model = "models--org--name"
    assert hub_folder("org/name") == Path("/home/u/.cache/huggingface/hub", model)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert hub_folder("org/name") == Path("/xdg/huggingface/hub", model)
    monkeypatch.setenv("HF_HOME", "~/hf")
    assert hub_folder("org/name") == Path("/home/u/hf/hub", model)
    monkeypatch.setenv("HF_HUB_CACHE", "/hub")
    assert hub_folder("gpt2") == Path("/hub/models--gpt2")
