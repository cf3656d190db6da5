"""Nobody gets in without the token, nothing is said to them, and other sites cannot use it."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest
from starlette.types import Receive, Scope, Send

from pcm.access import session_of
from pcm.dashboard.guard import Guard

TOKEN = "a1" * 32
PORT = 8642
COOKIE, SESSION = session_of(TOKEN, PORT)
INSIDE = b"inside"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


async def _inside(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": INSIDE})


def ask(
    path: str = "/", method: str = "GET", host: str = "127.0.0.1:8642", **headers: str
) -> Reply:
    sent: list[dict[str, Any]] = []
    where, _, query = path.partition("?")
    named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": where,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
    }

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read of who is not let in")

    asyncio.run(Guard(_inside, TOKEN, PORT, ["node7"])(scope, receive, send))
    start, *parts = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], found, b"".join(part["body"] for part in parts))


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 401),
        ("/static/js/main.js", {}, 401),
        ("/api/runs", {}, 401),
        ("/metrics", {}, 401),
        ("/nowhere", {}, 401),
        ("/?token=", {}, 401),
        ("/?token=wrong", {}, 403),
        (f"/?token={TOKEN[:-1]}", {}, 403),
        (f"/api/runs?token={TOKEN}", {}, 401),
        ("/", {"authorization": "Bearer wrong"}, 403),
        ("/", {"authorization": "Bearer"}, 403),
        ("/", {"authorization": f"Basic {TOKEN}"}, 403),
        ("/", {"authorization": "Bearer wrong", "cookie": f"{COOKIE}={SESSION}"}, 403),
        ("/", {"cookie": f"{COOKIE}=wrong"}, 403),
        ("/", {"cookie": f"{COOKIE}={TOKEN}"}, 403),
        ("/", {"cookie": f"other={SESSION}"}, 401),
        ("/", {"cookie": "\x00;=;;"}, 401),
    ],
)
def test_without_the_token_there_is_not_a_byte(
    path: str, headers: dict[str, str], status: int
) -> None:
    reply = ask(path, **headers)
    assert (reply.status, reply.body) == (status, b"")
    assert "set-cookie" not in reply.headers


def test_the_token_in_the_address_becomes_a_cookie_and_goes_away() -> None:
    reply = ask(f"/?token={TOKEN}")
    assert (reply.status, reply.headers["location"], reply.body) == (303, "/", b"")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={SESSION};")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in str(reply.headers)
    assert ask("/", cookie=f"{COOKIE}={SESSION}").body == INSIDE


def test_who_has_the_token_is_let_in_and_told_the_policy() -> None:
    reply = ask("/api/runs", **BEARER)
    assert reply.body == INSIDE
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "127.0.0.1:9000", "[::1]:8642", "node7:8642"]
)
def test_it_is_found_through_a_tunnel_and_by_its_names(host: str) -> None:
    assert ask(host=host, **BEARER).status == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1:8642", "["]
)
def test_a_name_that_is_not_ours_is_refused_even_with_the_token(host: str) -> None:
    reply = ask(host=host, **BEARER)
    assert (reply.status, reply.body) == (403, b"")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_pcm_action": "1"}, 200),
        ({"x_pcm_action": "1", "origin": "http://127.0.0.1:8642"}, 200),
        ({}, 403),
        ({"x_pcm_action": "0"}, 403),
        ({"x_pcm_action": "1", "origin": "http://evil.example"}, 403),
        ({"x_pcm_action": "1", "origin": "null"}, 403),
        ({"x_pcm_action": "1", "origin": "http://127.0.0.1:9999"}, 403),
        ({"x_pcm_action": "1", "sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_actions_are_asked_for_by_our_own_page_or_a_program(
    headers: dict[str, str], status: int
) -> None:
    reply = ask("/api/runs/r/actions", "POST", **BEARER, **headers)
    assert reply.status == status
