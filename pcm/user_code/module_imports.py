"""Which of the user's modules a module's source may import, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pcm.user_code.modules import ModuleSource
from pcm.user_code.references import Import, resolve_import


def imports_of(source: ModuleSource) -> Iterator[str]:
    """Full names of what may be user modules; nothing for text that is not Python."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError):
        return
    package = source.name if source.is_package else source.name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from resolve_import(Import(alias.name, (), 0), package)
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield from resolve_import(Import(node.module or "", names, node.level), package)
