from __future__ import annotations

import pickle
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.telemetry.catalogue import checked
from workers.protocol import Decoded
from workers.telemetry.decoding import DecodeSignals


def test_rates_are_of_the_time_in_which_it_decoded() -> None:
    decoding = DecodeSignals()
    decoding.read(10.0)
    decoding.told("a", Decoded(30, 100, 0.4, 1.2, 1.6))
    decoding.told("a", Decoded(0, 100, 0.4, 0.4, 1.6))
    assert checked(decoding, decoding.read(12.0)) == {
        ("requests.prompt_tokens_per_second", ""): 15.0,
        ("decode.tokens_per_second", ""): pytest.approx(250.0),
        ("decode.active", ""): pytest.approx(2.0),
        ("decode.empty_share", ""): pytest.approx(0.5),
    }


def test_models_beside_each_other_are_added_up() -> None:
    decoding = DecodeSignals()
    decoding.read(0.0)
    decoding.told("a", Decoded(0, 100, 1.0, 4.0, 4.0))
    decoding.told("b", Decoded(0, 10, 0.5, 1.0, 2.0))
    found = checked(decoding, decoding.read(1.0))
    assert found["decode.tokens_per_second", ""] == pytest.approx(120.0)
    assert found["decode.active", ""] == pytest.approx(6.0)
    assert found["decode.empty_share", ""] == pytest.approx(0.25)


def test_who_does_not_decode_says_nothing_of_it() -> None:
    decoding = DecodeSignals()
    assert decoding.read(0.0) == []
    assert decoding.read(1.0) == []
    decoding.told("a", Decoded(5, 0, 0.0, 0.0, 0.0))  # Chooses among labels.
    assert decoding.read(2.0) == [("requests.prompt_tokens_per_second", "", 5.0)]
    assert decoding.read(3.0) == [("requests.prompt_tokens_per_second", "", 0.0)]


def test_where_nobody_reads_nothing_gathers() -> None:
    decoding = DecodeSignals()
    before = deep_bytes(decoding)
    for _ in range(10_000):
        decoding.told("a", Decoded(1, 1, 0.1, 0.1, 0.1))
    assert deep_bytes(decoding) < before + 1000


def deep_bytes(decoding: DecodeSignals) -> int:
    return len(pickle.dumps(vars(decoding)))


NUMBERS = st.floats(-1e3, 1e3) | st.just(nan)


@given(
    st.lists(st.builds(Decoded, st.integers(0, 9), st.integers(0, 9), NUMBERS, NUMBERS, NUMBERS))
)
def test_whatever_is_told_a_share_is_one(told: list[Decoded]) -> None:
    decoding = DecodeSignals()
    decoding.read(0.0)
    for one in told:
        decoding.told("a", one)
    shares = [value for signal, _, value in decoding.read(1.0) if signal.endswith("_share")]
    assert all(0.0 <= share <= 1.0 for share in shares)
