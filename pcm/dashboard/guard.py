"""Who gets in: nobody without the token, whatever is asked for, and nothing from other sites."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pcm.access import session_of

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
ACTION_HEADER = "x-pcm-action"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Around an application: whoever is refused gets a status and not a byte more.

    The token is in ``Authorization: Bearer``, or once in the address of the page, which then sets
    a cookie. 401: there is none; 403: it is wrong, or the request is not for this server (a name
    in ``Host`` that is not ours is another site's, whose owner had it point here), or comes from
    another site's page.
    """

    def __init__(self, app: ASGIApp, token: str, port: int, names: Collection[str] = ()) -> None:
        """``names``: hosts besides this machine's own address by which one gets here."""
        self._app = app
        self._token = token.encode()
        self._cookie, self._session = session_of(token, port)
        self._names = LOOPBACK_NAMES | {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answer = self._refusal(scope) or self._entrance(scope)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name(hosts[0]) not in self._names:
            return Response(status_code=403)
        if scope["method"] not in ("GET", "HEAD") and not _of_our_page(headers, hosts[0]):
            return Response(status_code=403)
        return None

    def _entrance(self, scope: Scope) -> Response | None:
        """None for who is known."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if given is not None and scope["path"] == "/" and scope["method"] == "GET":
            if not self._is_token(given[-1]):
                return Response(status_code=403)
            answer = RedirectResponse("/", status_code=303, headers={"Cache-Control": "no-store"})
            answer.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
            return answer
        headers = Headers(scope=scope)
        said = headers.get("authorization")
        if said is not None:
            scheme, _, bearer = said.partition(" ")
            known = scheme.lower() == "bearer" and self._is_token(bearer.strip())
            return None if known else Response(status_code=403)
        session = _cookie(headers.get("cookie", ""), self._cookie)
        if session is None:
            return Response(status_code=401)
        known = hmac.compare_digest(session.encode(), self._session.encode())
        return None if known else Response(status_code=403)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token)


def _of_our_page(headers: Headers, host: str) -> bool:
    """Of the page that we served, or of a program; other sites' forms cannot set the header, and
    browsers say from where their scripts come."""
    if headers.get(ACTION_HEADER) != "1":
        return False
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    return headers.get("origin", f"http://{host}") in (f"http://{host}", f"https://{host}")


def _name(host: str) -> str:
    """Without the port: a tunnel may have another one at its other end."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _cookie(header: str, name: str) -> str | None:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return None if found is None else found.value


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
