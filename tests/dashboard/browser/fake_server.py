"""A server with the API of the dashboard over scenes, for what a real run cannot be made to show.

``python -m tests.dashboard.browser.fake_server`` serves one that goes on, to look at by hand.
"""

from __future__ import annotations

import http.server
import threading
import time
import urllib.parse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from pcm.dashboard import views
from tests.dashboard.browser import answers, lists
from tests.dashboard.browser.scene import Scene

STATIC = Path(__file__).parents[3] / "pcm" / "dashboard" / "static"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BEAT_SECONDS = 5.0


class FakeServer(http.server.ThreadingHTTPServer):
    """``asked``: the paths that were asked for, ``actions``: what was to be done."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, scenes: list[Scene], *, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.scenes = {scene.run: scene for scene in scenes}
        self.changed = threading.Condition()
        self.number = 0
        self.stopping = False
        self.refuses = False
        """As if the token were another one now."""
        self.actions: list[views.Action] = []
        self.asked: list[str] = []
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def tell(self, seconds: float = 0.0) -> None:
        """All scenes go on by so much, and who listens is told."""
        with self.changed:
            for scene in self.scenes.values():
                scene.seconds += seconds
            self.number += 1
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self.stopping = True
            self.changed.notify_all()
        self.shutdown()
        self.server_close()
        self.thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        self.server.asked.append(self.path)
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        if path == "/" or parts[0] == "static":
            self._file(STATIC / "/".join(parts[1:] or ["index.html"]))
        elif self.server.refuses:
            self._send(b"", "text/plain", 403)
        elif parts == ["api", "runs"]:
            self._json([scene.head(scene.end) for scene in self.server.scenes.values()])
        elif parts == ["api", "stream"]:
            self._stream(asked.get("run", ""))
        elif parts[:2] == ["api", "runs"] and len(parts) == 4 and parts[2] in self.server.scenes:
            scene = self.server.scenes[parts[2]]
            at = min(float(asked.get("at", scene.end)), scene.end)
            self._json(_answer(parts[3], scene, at, asked))
        else:
            self._json({"error": f"nothing is at {path}", "mend": ""}, status=404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        action = msgspec.json.decode(body, type=views.Action)
        self.server.actions.append(action)
        scene = self.server.scenes[self.path.split("/")[3]]
        if action.action in ("pause", "unpause"):
            scene.paused = action.action == "pause"
        self._json(views.ActionAnswer(done=True, text=f"{action.action}: so it was done"))
        self.server.tell()

    def _json(self, answer: Any, *, status: int = 200) -> None:
        self._send(msgspec.json.encode(answer), "application/json", status)

    def _file(self, path: Path) -> None:
        self._send(path.read_bytes(), TYPES[path.suffix], 200)

    def _send(self, body: bytes, kind: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _is_new(self, number: int) -> bool:
        return self.server.stopping or self.server.number != number

    def _stream(self, run: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        number = -1
        try:
            while not self.server.stopping:
                with self.server.changed:
                    told = self.server.changed.wait_for(partial(self._is_new, number), BEAT_SECONDS)
                    number = self.server.number
                scene = self.server.scenes.get(run)
                line = b": beat\n\n"
                if told and scene:
                    text = msgspec.json.encode(answers.overview(scene, scene.end))
                    line = b"event: overview\nid: %d\ndata: %b\n\n" % (number, text)
                self.wfile.write(line)
                self.wfile.flush()
        except OSError:
            pass  # the page is gone
        self.close_connection = True


def _answer(what: str, scene: Scene, at: float, asked: dict[str, str]) -> Any:
    given: dict[str, Callable[[], Any]] = {
        "overview": lambda: answers.overview(scene, at),
        "curves": lambda: answers.curves(scene, at, int(asked.get("points", 300))),
        "workers": lambda: answers.workers(scene, at, asked),
        "timeline": lambda: answers.timeline(scene, at, asked),
        "contexts": lambda: lists.contexts(scene, at),
        "items": lambda: lists.items(scene, at, asked),
        "items.jsonl": lambda: lists.items(scene, at, asked),
        "glideins": lambda: lists.glideins(scene),
        "findings": lambda: lists.findings(scene, at),
        "events": lambda: lists.events(scene, at, asked),
    }
    return given[what]()


def main() -> None:
    done = Scene(name="embed the corpus", run="run-done", state="completed", troubled=False)
    server = FakeServer([Scene(), done], port=8642)
    print(server.url, flush=True)
    while True:
        time.sleep(1)
        server.tell(1.0)


if __name__ == "__main__":
    main()
