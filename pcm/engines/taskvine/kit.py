"""The worker kit: our own ``workers`` package as one file that TaskVine carries.

The same files give the same bytes, so that a worker which has the kit already is not sent it again.
"""

from __future__ import annotations

import importlib.util
import io
import json
import py_compile
import tempfile
import zipfile
from pathlib import Path

from workers import carriage
from workers.library import bootstrap

NAME = "pcm-kit.zip"
PACKAGES = ("msgspec", "cloudpickle")
"""What the kit needs of the worker's Python."""
_HEADER_BYTES = 16
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in it: the earliest that the format can hold."""


def kit() -> bytes:
    """A zip file that Python can run, for workers with this Python's minor version.

    With the compiled form of every module: else each start of a worker would compile them.
    """
    package = Path(bootstrap.__file__).parents[1]
    files = {f"workers/{path.relative_to(package)}": path for path in package.rglob("*.py")}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _add(archive, "__main__.py", Path(bootstrap.__file__).read_bytes())
        required = {
            "python": carriage.python_version(),
            "launcher": str(carriage.CARRIAGE_VERSION),
            "packages": PACKAGES,
        }
        _add(archive, bootstrap.REQUIREMENTS, json.dumps(required).encode())
        for name, path in sorted(files.items()):
            source = path.read_bytes()
            _add(archive, name, source)
            _add(archive, importlib.util.cache_from_source(name), _compiled(name, path, source))
    return content.getvalue()


def _compiled(name: str, path: Path, source: bytes) -> bytes:
    """A pyc file that is not checked against its source (PEP 552)."""
    cached = _cached_code(path)
    if cached is None:
        with tempfile.TemporaryDirectory() as folder:
            target = f"{folder}/compiled"
            py_compile.compile(str(path), target, dfile=name, doraise=True)
            cached = Path(target).read_bytes()[_HEADER_BYTES:]
    unchecked = (0b01).to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + unchecked + importlib.util.source_hash(source) + cached


def _cached_code(path: Path) -> bytes | None:
    """What Python has compiled already, if it is of this source."""
    try:
        content = Path(importlib.util.cache_from_source(str(path))).read_bytes()
        status = path.stat()
    except OSError:
        return None
    changed = int(status.st_mtime) & 0xFFFFFFFF
    size = status.st_size & 0xFFFFFFFF
    expected = (
        importlib.util.MAGIC_NUMBER
        + bytes(4)
        + changed.to_bytes(4, "little")
        + size.to_bytes(4, "little")
    )
    return content[_HEADER_BYTES:] if content[:_HEADER_BYTES] == expected else None


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data, compresslevel=1)
