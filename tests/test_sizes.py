from __future__ import annotations

from typing import Any

import pytest

from pcm.errors import InputError
from pcm.sizes import parse_bytes


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("5 GB", 5 * 10**9),
        ("5GiB", 5 * 2**30),
        (" 1.5 mb ", 1_500_000),
        (".5 kB", 500),
        ("0 B", 0),
        ("2 TiB", 2 * 2**40),
        (4096, 4096),
        (5e9, 5 * 10**9),
    ],
)
def test_sizes_are_read_in_decimal_and_binary_units(written: str | float, size: int) -> None:
    assert parse_bytes(written) == size


@pytest.mark.parametrize(
    "wrong",
    [
        "5",
        "GB",
        "-1 GB",
        "5 G",
        "5 GBit",
        "",
        "1e3 GB",
        "9" * 400 + " B",
        -1,
        True,
        float("nan"),
        None,
    ],
)
def test_what_is_no_size_is_refused_with_its_field_and_a_mend(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^gpu_memory: .* is not a size; write it like"):
        parse_bytes(wrong, field="gpu_memory")
