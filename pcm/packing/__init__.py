"""What travels to workers: code by value, items as plain data where they are plain."""

from pcm.packing.items import encode_item, encode_key
from pcm.packing.pack import pack

__all__ = ["encode_item", "encode_key", "pack"]
