from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from pcm.engines.staging import Fetch, Piece, Publish
from pcm.engines.staging.flights import Flight, Flights


def begun(flights: Flights, due: float, worker: str = "worker", digest: str = "a") -> Flight:
    call = Fetch(flights.number(), worker, digest)
    flights.begin(call, 0, due, "source")
    found = flights.get(call.number)
    assert found is not None
    return found


def test_what_is_not_waited_for_counts_neither_as_coming_nor_as_a_stream() -> None:
    flights = Flights()
    piece = Piece(flights.number(), "worker", "a", 0)
    flights.begin(piece, 0, 60.0)
    assert (flights.streams(), flights.awaited("a"), flights.at("worker")) == (1, 1, 1)
    flight = flights.get(piece.number)
    assert flight is not None
    flights.postpone(flight, inf)
    assert (flights.streams(), flights.awaited("a"), flights.at("worker")) == (0, 0, 1)
    assert flights.next_due() == inf
    flights.end(flight)
    assert (flights.streams(), flights.awaited("a"), flights.at("worker")) == (0, 0, 0)


def test_publications_are_counted_by_file() -> None:
    flights = Flights()
    publish = Publish(flights.number(), "worker", "a")
    flights.begin(publish, 0, 60.0)
    assert (flights.publishing("a"), flights.publishing("b")) == (1, 0)
    flights.end(flights.of("worker")[0])
    assert flights.publishing("a") == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["begin", "end", "postpone"]), st.integers(0, 9)), max_size=60
    )
)
def test_who_is_late_is_known_whatever_was_postponed(happenings: list[tuple[str, int]]) -> None:
    flights = Flights()
    there: list[Flight] = []
    for number, (happening, time) in enumerate(happenings):
        if happening == "begin":
            there.append(begun(flights, float(time), f"w{number}"))
        elif there and happening == "end":
            flights.end(there.pop(time % len(there)))
        elif there:
            flights.postpone(there[0], float(time) if time else inf)
        assert flights.next_due() == min((flight.due for flight in there), default=inf)
        late = {id(flight) for flight in there if flight.due <= 5.0}
        assert {id(flight) for flight in flights.due(5.0)} == late
