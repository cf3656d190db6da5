"""A YAML document as plain values, with the line on which each of them stands."""

from __future__ import annotations

from typing import Any

import yaml

from pcm.errors import InputError

Path = tuple[str | int, ...]


class Document:
    """``value``: the document as dicts, lists and scalars. ``lines``: where each path begins; for
    a field of a mapping, the line of its name."""

    def __init__(self, text: str, file: str) -> None:
        """Raises InputError for what is not YAML, not one mapping, or names a field twice."""
        self.file = file
        self.lines: dict[Path, int] = {(): 1}
        loader = None
        try:
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                raise InputError(
                    "must be a mapping of fields" if node else "is empty",
                    file=file,
                    mend="`pcm run --schema` shows the fields",
                )
            self._walk(node, (), set())
            self.value: dict[Any, Any] = loader.construct_document(node)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise InputError(
                f"not YAML: {error.problem or error.context}",
                file=file,
                line=mark.line + 1 if mark else 0,
            ) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(f"not YAML: {error}", file=file) from None
        finally:
            if loader is not None:
                loader.dispose()

    def line(self, path: Path) -> int:
        """Where the value at the path stands, or else the innermost part of it that exists."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def error(self, path: Path, problem: str, mend: str = "") -> InputError:
        """An error about the value at the path."""
        return InputError(
            problem, file=self.file, line=self.line(path), field=written(path), mend=mend
        )

    def _walk(self, node: yaml.Node, path: Path, above: set[int]) -> None:
        if id(node) in above:
            raise InputError(
                "contains itself",
                file=self.file,
                line=node.start_mark.line + 1,
                field=written(path),
            )
        above = above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                self.lines[(*path, index)] = child.start_mark.line + 1
                self._walk(child, (*path, index), above)
        elif isinstance(node, yaml.MappingNode):
            for name, child in node.value:
                if name.tag == "tag:yaml.org,2002:merge":
                    continue
                at = (*path, str(name.value))
                line = name.start_mark.line + 1
                if at in self.lines:
                    raise InputError(
                        f"is given twice, first on line {self.lines[at]}",
                        file=self.file,
                        line=line,
                        field=written(at),
                        mend="remove one of them",
                    )
                self.lines[at] = line
                self._walk(child, at, above)


def written(path: Path) -> str:
    """A path as a reader writes it: ``outputs[0].jsonl``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
