"""What goes out: answers and errors as JSON, smaller where that pays and the other side can."""

from __future__ import annotations

import gzip
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pcm.errors import InputError, PcmError

JSON = "application/json"
WORTH_BYTES = 1024
"""Smaller ones are sent as they are."""
LEVEL = 3
"""Beyond that it costs more time than it saves on the way."""

encoder = msgspec.json.Encoder()


def packed(request: Request, content: bytes, media_type: str, **headers: str) -> Response:
    """A response, gzipped if that pays and the request says that it may be."""
    headers = {"Vary": "Accept-Encoding", **headers}
    if len(content) >= WORTH_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=media_type, headers=headers)


def answer(request: Request, view: Any) -> Response:
    """A struct of ``views`` as JSON."""
    return packed(request, encoder.encode(view), JSON)


def fault(status: int, error: str, mend: str = "") -> Response:
    body = encoder.encode({"error": error, "mend": mend})
    return Response(body, status_code=status, media_type=JSON)


def fault_of(error: PcmError, status: int = 400) -> Response:
    """With what is wrong and its mend apart."""
    if isinstance(error, InputError):
        return fault(status, error.problem, error.mend)
    return fault(status, str(error))
