"""The page: files of this package, by a list of names that is made at the start.

Nothing but what is on the list can be asked for, so no path leads out of the folder.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

from pcm.dashboard.replies import fault, packed

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
}
PAGE = "index.html"


class StaticFiles:
    """The files below ``static/`` that have a known type, by their path there."""

    def __init__(self) -> None:
        self._files = dict(_walk(resources.files("pcm.dashboard") / "static", ""))

    @property
    def names(self) -> list[str]:
        return sorted(self._files)

    async def page(self, request: Request) -> Response:
        return self._reply(request, PAGE)

    async def file(self, request: Request) -> Response:
        return self._reply(request, request.path_params["path"])

    def _reply(self, request: Request, name: str) -> Response:
        """Read anew each time, as small as they are; a browser asks whether they have changed."""
        found = self._files.get(name)
        if found is None:
            return fault(404, "there is no such file")
        content = found.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return packed(request, content, TYPES[name.rpartition(".")[2]], **headers)


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in TYPES:
            found.append((f"{prefix}{entry.name}", entry))
    return found
