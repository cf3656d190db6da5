from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import pytest

from pcm.core.events import Requirements
from pcm.errors import InputError
from pcm.recipe import Recipe, context


def loader(model: str, revision: str | None = None, *, scale: float = 1.0) -> Any:
    import torch.nn  # noqa: F401
    import yaml  # noqa: F401

    return model


def test_a_call_gives_a_recipe_and_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w")
    declared = context(gpu_memory="5 GB", memory=10, load_timeout=5)(loader)
    recipe = declared(str(tmp_path), scale=2.0)
    assert isinstance(recipe, Recipe)
    assert recipe.name == "loader"
    assert (recipe.args, dict(recipe.kwargs)) == ((str(tmp_path),), {"scale": 2.0})
    assert recipe.requirements == Requirements(gpus=0, gpu_memory_bytes=5 * 10**9, memory_bytes=10)
    assert recipe.load_timeout_seconds == 5.0


def test_the_decorator_works_without_arguments_and_knows_its_defaults() -> None:
    declared = context(loader)
    assert declared.files == ("model",)
    assert declared.imports == ("torch",)  # yaml is imported by the loader itself
    assert declared.loader is loader


def test_imports_by_default_see_the_globals_that_a_loader_uses() -> None:
    import numpy as np

    namespace = {"np": np, "__name__": "somewhere"}
    exec("def load():\n    return np.zeros(3)", namespace)
    assert context(namespace["load"]).imports == ("numpy",)
    assert context(imports=())(namespace["load"]).imports == ()


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    assert context(loader)("model").args[0] == str(tmp_path / "model")
    given_as_path = context(loader)(model=Path("model"))
    assert given_as_path.args[0] == tmp_path / "model"


def test_a_hub_id_stays_as_it_is() -> None:
    assert context(loader)("some-org/some-model", "v2").args == ("some-org/some-model", "v2")


def test_a_missing_path_is_refused_at_once(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"'model'.*there is no file or directory .*; give an"):
        context(loader)(missing)


def test_arguments_that_the_loader_does_not_take_name_its_signature() -> None:
    with pytest.raises(TypeError, match=r"loader\(model: .*\).*unexpected keyword argument 'size'"):
        context(loader)("m", size=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing a required argument: 'model'"):
        context(loader)()  # type: ignore[call-arg]


async def asynchronous(model: str) -> None: ...


@pytest.mark.parametrize("wrong", [3, "loader", len, functools.partial(loader), int, asynchronous])
def test_only_plain_functions_can_be_contexts(wrong: Any) -> None:
    with pytest.raises(InputError, match="decorate a function"):
        context(wrong)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"gpu_memory": "-1 GB"}, "gpu_memory: '-1 GB' is not a size"),
        ({"memory": -5}, "memory: -5 is not a size"),
        ({"gpus": -1}, "gpus=-1"),
        ({"gpus": 1.5}, "gpus=1.5"),
        ({"ranks": 0}, "ranks=0.*from 1 up"),
        ({"ranks": True}, "ranks=True"),
        ({"gpus": 3, "ranks": 2}, "gpus=3 cannot be divided among ranks=2.*give ranks=3"),
        ({"gpus": 1, "ranks": 2}, "gpus=1 cannot be divided"),
        ({"load_timeout": 0}, "load_timeout=0 is not a time"),
        ({"files": "weights"}, "files names 'weights'.*choose among model, revision, scale"),
        ({"imports": [3]}, r"imports=\[3\]"),
        ({"probe": 3}, "probe=3"),
    ],
)
def test_bad_declarations_say_what_is_wrong(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        context(**options)(loader)


def test_errors_point_at_the_line_of_the_declaration() -> None:
    with pytest.raises(InputError) as caught:
        context(gpus=-1)(loader)
    assert os.path.basename(caught.value.file) == "test_recipe.py"
    assert caught.value.line == loader.__code__.co_firstlineno


def test_identity_counts_arguments_files_and_requirements(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    recipe = context(gpu_memory="1 GB")(loader)(str(tmp_path), scale=0.5)
    parts = recipe.identity.parts
    assert set(parts) == {
        "source",
        "file model.safetensors",
        "argument 'revision'",
        "argument 'scale'",
        "requirement gpu_memory_bytes",
    }
    assert parts["argument 'scale'"] == "0.5"
    assert parts["requirement gpu_memory_bytes"] == "1000000000"
    assert str(tmp_path) not in repr(recipe.identity)


def test_defaults_given_or_left_out_are_the_same_identity() -> None:
    declared = context(loader)
    assert declared("org/m").identity == declared("org/m", None, scale=1.0).identity
    assert declared("org/m").identity.digest != declared("org/m", scale=3.0).identity.digest


def test_timeouts_and_probes_do_not_change_the_identity() -> None:
    plain = context(loader)("org/m").identity
    assert context(load_timeout=9, probe=print)(loader)("org/m").identity == plain
    assert context(memory=9)(loader)("org/m").identity != plain


@pytest.mark.parametrize(
    ("options", "ranks"),
    [
        ({}, 1),
        ({"gpus": 0}, 1),
        ({"gpus": 1}, 1),
        ({"gpus": 2}, 2),
        ({"gpus": 2, "ranks": 1}, 1),
        ({"gpus": 8, "ranks": 4}, 4),
        ({"ranks": 3}, 3),
        ({"gpus": 0, "ranks": 2}, 2),
    ],
)
def test_a_rank_per_gpu_unless_it_is_said(options: dict[str, Any], ranks: int) -> None:
    recipe = context(**options)(loader)("org/m")
    assert recipe.ranks == ranks
    assert recipe.requirements.gpus == options.get("gpus", 0)


def test_ranks_are_part_of_the_identity_where_there_are_several() -> None:
    plain = context(loader)("org/m").identity
    assert context(ranks=1)(loader)("org/m").identity == plain
    several = context(ranks=2)(loader)("org/m").identity
    assert several.changes_since(plain) == ["ranks is new"]
    assert several.changes_since(context(ranks=4)(loader)("org/m").identity) == [
        "ranks changed from 4 to 2"
    ]


def test_a_context_that_is_declared_again_keeps_what_is_not_said() -> None:
    first = context(
        gpu_memory="5 GB", gpus=4, imports=["json"], files=(), load_timeout=5, probe=print
    )(loader)
    again = context(memory="1 GB")(first)
    assert again.requirements == Requirements(4, 5 * 10**9, 10**9)
    assert (again.ranks, again.imports, again.files) == (4, ("json",), ())
    assert (again.load_timeout_seconds, again.probe) == (5.0, print)
    assert again.loader is loader
    assert context(gpus=2)(first).ranks == 2
    assert context(ranks=2)(first).requirements.gpus == 4
    assert context(ranks=2)(first).ranks == 2
    assert (first.ranks, first.requirements.memory_bytes) == (4, 0)


def test_the_language_model_on_two_gpus() -> None:
    from pcm import language_model

    wide = context(gpus=2, gpu_memory="20 GB")(language_model)("org/m", dtype="bfloat16")
    plain = language_model("org/m", dtype="bfloat16")
    assert (wide.name, wide.imports, wide.files) == (plain.name, plain.imports, plain.files)
    assert (wide.ranks, wide.requirements) == (2, Requirements(2, 20 * 10**9))
    changes = wide.identity.changes_since(plain.identity)
    assert changes == [
        "ranks is new",
        "requirement gpu_memory_bytes is new",
        "requirement gpus is new",
    ]
