"""Files in and out: JSON lines, OpenAI Batch files, Parquet."""

from __future__ import annotations

from pcm.formats.base import OutputFile
from pcm.formats.jsonl import Jsonl
from pcm.formats.jsonl_reader import read_jsonl
from pcm.formats.openai_batch import OpenAIBatch
from pcm.formats.openai_reader import read_requests
from pcm.formats.parquet import Parquet
from pcm.formats.writing import check_outputs, write_outputs

Output = Jsonl | OpenAIBatch | Parquet
"""Every output that a manifest can hold."""

__all__ = [
    "Jsonl",
    "OpenAIBatch",
    "Output",
    "OutputFile",
    "Parquet",
    "check_outputs",
    "read_jsonl",
    "read_requests",
    "write_outputs",
]
