"""Who knows the password: each side proves it by an HMAC-SHA-256 over both sides' challenges.

The password does not travel, an old proof is worth nothing, and no side's proof can be given back
to it as the other's: what each signs begins with its own role. Afterwards the connection itself is
trusted; what goes over it is neither secret nor signed, so that a network in which others can write
into connections needs a tunnel. A password that can be guessed can be guessed from a proof: the
manager makes one of random bytes.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from workers.telemetry.messages import NONCE_BYTES


def source_proof(password: bytes, manager_nonce: bytes, source_nonce: bytes) -> bytes:
    return _proof(password, b"pcm telemetry source", manager_nonce, source_nonce)


def manager_proof(password: bytes, manager_nonce: bytes, source_nonce: bytes) -> bytes:
    return _proof(password, b"pcm telemetry manager", manager_nonce, source_nonce)


def is_same(one: bytes, other: bytes) -> bool:
    """In a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def read(path: str) -> bytes:
    """Of a file, without white space around it. Raises OSError, and ValueError if it is empty."""
    password = Path(path).read_bytes().strip()
    if not password:
        raise ValueError(f"{path} is empty: it must hold the manager's telemetry password")
    return password


def _proof(password: bytes, role: bytes, manager_nonce: bytes, source_nonce: bytes) -> bytes:
    """Raises ValueError for a challenge that is not as long as it must be."""
    if len(manager_nonce) != NONCE_BYTES or len(source_nonce) != NONCE_BYTES:
        raise ValueError("a challenge of the wrong length")
    return hmac.digest(password, role + manager_nonce + source_nonce, "sha256")
