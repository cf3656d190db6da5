"""What brings about what: the table by which findings are ordered by cause."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Where(IntEnum):
    """How far from its cause an effect may be."""

    WORKER = 0
    """On the same worker."""
    PEERS = 1
    """Also on workers that share a group of ranks or a link with it."""
    FLEET = 2


class Explains(NamedTuple):
    cause: str
    where: Where
    effects: tuple[str, ...]
    reason: str


EXPLAINS: tuple[Explains, ...] = (
    Explains(
        "EW4",
        Where.FLEET,
        (
            "EW1",
            "EW2",
            "EW3",
            "EW5",
            "EW6",
            "EW7",
            "EW8",
            "NS2",
            "NS4",
            "NS5",
            "NS6",
            "NS7",
            "NS9",
            "PC3",
        ),
        "a congested fabric delays, marks and drops what everybody sends",
    ),
    Explains(
        "EW9",
        Where.PEERS,
        ("EW1", "EW2", "EW3", "NS2", "NS5", "NS6", "NS8", "PC1", "PC2", "PC3", "PC4", "PC10"),
        "the others of the group wait for the rank that fell silent",
    ),
    Explains(
        "EW6",
        Where.PEERS,
        ("EW1", "EW2", "EW3", "EW5", "EW7", "EW8", "NS5", "NS6", "PC3"),
        "what is lost on a link is waited for",
    ),
    Explains(
        "EW7",
        Where.PEERS,
        ("EW1", "EW2", "EW3", "EW5", "EW8", "NS5", "NS6", "PC3"),
        "without credits nothing is sent",
    ),
    Explains(
        "EW5",
        Where.PEERS,
        ("EW1", "EW2", "NS6", "PC3"),
        "small messages of a collective wait behind large ones",
    ),
    Explains(
        "EW8",
        Where.PEERS,
        ("NS1", "NS2", "NS6", "NS8", "PC1"),
        "the decoder has nothing to do until the state has come",
    ),
    Explains(
        "EW1",
        Where.PEERS,
        ("EW2", "NS1", "NS5", "NS6"),
        "all ranks of the group go at the slowest one's pace",
    ),
    Explains(
        "EW3",
        Where.PEERS,
        ("EW1", "EW2", "NS6"),
        "the rank that has most to send comes last",
    ),
    Explains(
        "EW2",
        Where.PEERS,
        ("NS1", "NS6"),
        "a stage that waits has nothing to start",
    ),
    Explains(
        "PC8",
        Where.PEERS,
        ("EW1", "EW2", "NS1", "NS2", "NS5", "NS6", "NS8", "PC1", "PC2", "PC3"),
        "without a core the host feeds the device late and takes results late",
    ),
    Explains(
        "PC5",
        Where.PEERS,
        ("EW1", "EW2", "NS1", "NS5", "NS6", "PC1", "PC2", "PC3", "PC4", "PC7", "PC9"),
        "copies wait for a link that is full",
    ),
    Explains(
        "PC6",
        Where.PEERS,
        ("EW1", "EW2", "NS1", "NS6", "PC3", "PC4", "PC5"),
        "copies between devices that go through the host take the host's link and time",
    ),
    Explains(
        "PC7",
        Where.PEERS,
        ("EW1", "NS1", "NS6", "PC1", "PC3"),
        "many small copies take longer than few large ones",
    ),
    Explains(
        "PC9",
        Where.PEERS,
        ("EW1", "NS1", "NS6", "PC1", "PC3", "PC8"),
        "registering memory takes the host's time before every copy",
    ),
    Explains(
        "PC4",
        Where.PEERS,
        ("EW1", "EW3", "NS1", "NS6", "PC3"),
        "the accelerator that has most to do comes last",
    ),
    Explains(
        "PC10", Where.PEERS, ("NS6", "NS8", "PC3", "PC4"), "a device that is done early is idle"
    ),
    Explains("PC3", Where.PEERS, ("EW1", "NS1", "NS6"), "steps wait for their launch"),
    Explains(
        "PC2", Where.PEERS, ("EW1", "NS1", "NS5", "NS6", "PC3"), "results wait for their copy"
    ),
    Explains("PC1", Where.PEERS, ("EW1", "NS1", "NS6", "PC3"), "steps wait for their input"),
    Explains(
        "NS4",
        Where.WORKER,
        ("NS1", "NS2", "PC1"),
        "what is lost on its way in arrives late and in bunches",
    ),
    Explains("NS7", Where.WORKER, ("NS5", "NS6"), "what is lost on its way out is sent again"),
    Explains(
        "NS9",
        Where.WORKER,
        ("NS1", "NS2", "NS4", "NS5", "NS6", "NS7", "PC1", "EW8"),
        "a full link makes everything on it wait, and drops",
    ),
    Explains("NS3", Where.WORKER, ("NS1", "NS6", "NS8"), "one session's work holds up the others'"),
    Explains("NS8", Where.PEERS, ("NS6",), "a batch of changing size has changing gaps"),
    Explains("NS5", Where.WORKER, ("NS6",), "what waits to be sent leaves in bunches"),
    Explains("NS1", Where.PEERS, ("NS6", "NS8"), "steps of a filling batch differ"),
)
