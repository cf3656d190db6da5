"""Prompt templates: texts with a place for the claim, from a file each or several in one."""

from __future__ import annotations

from pathlib import Path

import yaml

import pcm
from apps.fact_verification.names import LETTERS, is_name

CLAIM, EVIDENCE = "{claim}", "{evidence}"
MEND = "write `NAME: |` and the text below it, indented; or `NAME: {file: PATH}`"


def read_prompt(path: Path) -> str:
    """The text of a prompt file. Raises pcm.InputError unless ``{claim}`` is in it exactly once,
    and before any ``{evidence}``."""
    try:
        prompt = path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise pcm.InputError(
            f"cannot be read ({error})", file=str(path), field="--prompt"
        ) from error
    if fault := _fault(prompt):
        raise pcm.InputError(fault[0], file=str(path), field="--prompt", mend=fault[1])
    return prompt


def read_prompts(path: Path) -> dict[str, str]:
    """Names to texts, in the order of a YAML file of ``NAME: TEXT`` or ``NAME: {file: PATH}``.

    Relative paths start at that file. Raises pcm.InputError with file, line and name for what is
    not so, for a name given twice, and for what ``read_prompt`` does not take.
    """
    root = _composed(path)
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise pcm.InputError("holds no prompts", file=str(path), field="--prompts", mend=MEND)
    prompts: dict[str, str] = {}
    for name_node, node in root.value:
        name, line = str(name_node.value), name_node.start_mark.line + 1
        try:
            if not isinstance(name_node, yaml.ScalarNode) or not is_name(name):
                raise pcm.InputError("is no name", mend=f"use {LETTERS}")
            if name in prompts:
                raise pcm.InputError("is given twice", mend="remove one, or give it another name")
            prompts[name] = _text(node, path.parent)
        except pcm.InputError as error:
            raise pcm.InputError(
                error.problem, file=str(path), line=line, field=name, mend=error.mend
            ) from None
    return prompts


def _composed(path: Path) -> yaml.Node | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise pcm.InputError(
            f"cannot be read ({error})", file=str(path), field="--prompts"
        ) from error
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        raise pcm.InputError(
            f"not YAML: {getattr(error, 'problem', None) or error}",
            file=str(path),
            line=mark.line + 1 if mark else 0,
            field="--prompts",
            mend=MEND,
        ) from None


def _text(node: yaml.Node, base: Path) -> str:
    """What one name stands for; the errors are without file and line."""
    source = ""
    if isinstance(node, yaml.MappingNode) and [n.value for n, _ in node.value] == ["file"]:
        node = node.value[0][1]
        source = str(base / str(node.value))
    if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
        raise pcm.InputError("is no text", mend=MEND)
    text = str(node.value)
    if source:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise pcm.InputError(
                f"{source} cannot be read ({error})", mend="relative paths start at this file"
            ) from error
    text = text.rstrip("\n")
    if fault := _fault(text):
        raise pcm.InputError(f"{source} {fault[0]}".lstrip(), mend=fault[1])
    return text


def _fault(text: str) -> tuple[str, str] | None:
    """What is wrong with a template, and the mend."""
    if (count := text.count(CLAIM)) != 1:
        return f"has {count} places for the claim", f"write {CLAIM} exactly once"
    if EVIDENCE in text.partition(CLAIM)[0]:
        return f"has {EVIDENCE} before {CLAIM}", "write it after the claim"
    return None
