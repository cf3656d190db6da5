"""Attention over parts, merged, is attention over all."""

from __future__ import annotations

import pytest
import torch

from workers.inference.attention import (
    Inputs,
    attend,
    attend_by_definition,
    attend_to_shared,
    merge,
)

pytestmark = pytest.mark.models
SCALE = 0.3


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["all", "causal", "bias"])
def test_the_kernel_gives_what_the_definition_says(dtype: torch.dtype, kind: str) -> None:
    query, keys, values = (random(2, 4, 9, width).to(dtype) for width in (16, 16, 16))
    seen = torch.ones(9, 9, dtype=torch.bool).tril(1)
    bias = torch.zeros(2, 1, 9, 9, dtype=dtype).masked_fill_(~seen, float("-inf"))
    inputs = Inputs(
        query, keys, values, SCALE, bias if kind == "bias" else None, causal=kind == "causal"
    )
    out, logs = attend(inputs)
    expected, expected_logs = attend_by_definition(inputs)
    tolerance = 1e-5 if dtype == torch.float32 else 3e-2
    torch.testing.assert_close(out, expected, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(logs, expected_logs, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("shared", [1, 600])
def test_a_shared_part_and_an_own_part_are_one_softmax(shared: int) -> None:
    rows, heads, key_heads, own = 3, 4, 2, 5
    query = random(rows, heads, own, 16)
    keys, values = random(1, key_heads, shared, 16), random(1, key_heads, shared, 16) * 2
    own_keys, own_values = random(rows, heads, own, 16), random(rows, heads, own, 16) + 1
    merged = merge(
        attend_to_shared(query, keys, values, SCALE),
        attend(Inputs(query, own_keys, own_values, SCALE, causal=True)),
    )

    def whole(part: torch.Tensor, its_own: torch.Tensor) -> torch.Tensor:
        repeated = part.repeat_interleave(heads // key_heads, 1).expand(rows, -1, -1, -1)
        return torch.cat([repeated, its_own], 2)

    bias = torch.zeros(1, 1, own, shared + own)
    bias[..., shared:].masked_fill_(torch.ones(own, own, dtype=torch.bool).triu(1), float("-inf"))
    expected, _ = attend_by_definition(
        Inputs(query, whole(keys, own_keys), whole(values, own_values), SCALE, bias)
    )
    torch.testing.assert_close(merged, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", range(1, 32))
def test_a_merged_row_has_the_same_bits_among_any_number_of_rows(rows: int) -> None:
    outs, logs = random(2, 32, 9, 1, 64), random(2, 32, 9, 1) * 4
    whole = merge((outs[0], logs[0]), (outs[1], logs[1]))
    some = merge((outs[0, :rows], logs[0, :rows]), (outs[1, :rows], logs[1, :rows]))
    assert torch.equal(some, whole[:rows])


ENDS = torch.stack([torch.ones(40_000), torch.zeros(40_000)])
"""What lies between them is the first's share itself, with all its bits."""


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("start", [0, 1, 7])
@pytest.mark.parametrize("outs", [ENDS, random(2, 40_000)], ids=["shares", "outputs"])
def test_a_merged_number_has_the_same_bits_among_any_count_and_from_any_start(
    outs: torch.Tensor, start: int, threads: int
) -> None:
    """Each count leaves another tail behind the last full vector register; the longest are shared
    out among threads, each of which has a tail of its own."""
    outs, logs = outs[:, None, None, :, None], random(2, 1, 1, 40_000) * 3
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        whole = merge((outs[0], logs[0]), (outs[1], logs[1]))
        for count in (*range(1, 140), 4095, 32_769, 39_990):
            part = slice(start, start + count)
            first, second = ((outs[at, :, :, part], logs[at, :, :, part]) for at in (0, 1))
            assert torch.equal(merge(first, second), whole[:, :, part])
    finally:
        torch.set_num_threads(before)


def test_far_parts_have_all_or_nothing() -> None:
    outs, logs = random(2, 1, 1, 3, 8), torch.tensor([[[0.0, 200.0, -200.0]]])
    merged = merge((outs[0], logs), (outs[1], torch.zeros_like(logs)))
    expected = [(outs[0, ..., 0, :] + outs[1, ..., 0, :]) / 2, outs[0, ..., 1, :]]
    expected.append(outs[1, ..., 2, :])
    torch.testing.assert_close(merged, torch.stack(expected, 2))


@pytest.mark.parametrize("kind", ["all", "causal", "bias", "bias for all"])
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5])
def test_a_row_has_the_same_bits_wherever_it_stands_and_whichever_thread_computes_it(
    kind: str, tokens: int
) -> None:
    rows, seen = 31, tokens if kind == "causal" else 37
    query, keys, values = (random(1, 3, count, 64) for count in (tokens, seen, seen))
    bias = torch.zeros(1, 1, 1 if kind == "bias for all" else tokens, seen)
    inputs = Inputs(query, keys, values, SCALE, bias if "bias" in kind else None, kind == "causal")
    expected, _ = attend_by_definition(inputs)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        many = [part.repeat(rows, 1, 1, 1) for part in (query, keys, values, bias)]
        out, logs = attend(
            Inputs(*many[:3], SCALE, many[3] if "bias" in kind else None, kind == "causal")
        )
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(row, out[0]) for row in out)
    assert all(torch.equal(row, logs[0]) for row in logs)
    torch.testing.assert_close(out[:1], expected, atol=1e-5, rtol=1e-5)
