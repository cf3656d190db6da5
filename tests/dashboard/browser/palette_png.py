"""Pictures of pages as small files: PNG with a palette of the colours that they need."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

FREQUENT, RARE = 160, 96
"""Colours of the palette: those that are there most, and those farthest from all others."""

# A browser decodes what it encoded; no library for pictures is needed.
_DECODE = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const data = context.getImageData(0, 0, picture.width, picture.height).data;
  let raw = "";
  for (let at = 0; at < data.length; at += 32768) {
    raw += String.fromCharCode(...data.subarray(at, at + 32768));
  }
  return [picture.width, picture.height, btoa(raw)];
}"""


def screenshot(page: Any, blank: Any) -> bytes:
    """What a page looks like. ``blank``: a page without a policy, in which it is decoded."""
    shot = base64.b64encode(page.screenshot(animations="disabled")).decode()
    width, height, raw = blank.evaluate(_DECODE, shot)
    rgba = np.frombuffer(base64.b64decode(raw), np.uint8).reshape(height, width, 4)
    return packed(rgba[:, :, :3])


def packed(picture: np.ndarray) -> bytes:
    """A PNG of an array of shape (height, width, 3), its colours rounded to a palette."""
    height, width, _ = picture.shape
    flat = picture.reshape(-1, 3).astype(np.uint32)
    codes = flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2]
    found, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    palette = _palette(found, counts)
    nearest = np.empty(len(found), np.uint8)
    for begin in range(0, len(found), 4096):
        colours = _rgb(found[begin : begin + 4096])
        gaps = ((colours[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2)
        nearest[begin : begin + 4096] = gaps.argmin(axis=1)
    lines = np.zeros((height, width + 1), np.uint8)  # Each begins with its filter: none.
    lines[:, 1:] = nearest[places].reshape(height, width)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", palette.astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _palette(found: np.ndarray, counts: np.ndarray) -> np.ndarray:
    order = np.argsort(-counts)
    colours = _rgb(found[order])
    chosen = list(range(min(FREQUENT, len(found))))
    gaps = np.full(len(found), np.inf)
    for place in chosen:
        gaps = np.minimum(gaps, ((colours - colours[place]) ** 2).sum(axis=1))
    while len(chosen) < FREQUENT + RARE and gaps.max() > 0:
        chosen.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, ((colours - colours[chosen[-1]]) ** 2).sum(axis=1))
    return colours[chosen]


def _rgb(codes: np.ndarray) -> np.ndarray:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.int32)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
