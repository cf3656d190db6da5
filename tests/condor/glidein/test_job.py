"""What is told to the schedd of a job."""

from __future__ import annotations

import socket
import threading

from condor.description import TROUBLE
from condor.glidein import job
from condor.glidein.trouble import MACHINE_UNFIT
from tests.condor.glidein.node import Node


def test_the_reason_is_set_on_the_job(node: Node) -> None:
    heard: list[str] = []

    def serve(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link, link.makefile("rwb") as stream:
            for line in stream:
                heard.append(line.decode().rstrip("\n"))
                stream.write(b"0\n")
                stream.flush()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        config = node.scratch / ".chirp.config"
        config.write_text(f"127.0.0.1 {listener.getsockname()[1]} cookie-1\n")
        node.variables["_CONDOR_CHIRP_CONFIG"] = str(config)
        status, _ = node.run("--scratch", "/nowhere")
        server.join(10)
    assert status == MACHINE_UNFIT
    assert heard[0] == "cookie cookie-1"
    order, name, value = heard[1].split(" ", 2)
    assert (order, name) == ("set_job_attr_delayed", TROUBLE)
    assert value.startswith('"no\\ scratch\\ directory:')


def test_the_reason_is_where_the_hold_reason_looks_for_it() -> None:
    assert job.TROUBLE == TROUBLE
