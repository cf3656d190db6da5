"""The knowledge table of the demonstration: invented entities, attributes and values.

Everything is made from a seed. A pair (entity, attribute) without a value is *absent*: what is
claimed about it can be neither supported nor refuted.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SEED = 20
ENTITIES_PER_KIND = 40
ABSENT_FRACTION = 1 / 3


@dataclass(frozen=True)
class Attribute:
    """What can be known of one kind of entity; ``phrasings`` hold ``{e}`` and ``{v}``."""

    kind: str
    name: str
    values: tuple[str, ...]
    phrasings: tuple[str, str, str, str]


@dataclass(frozen=True)
class Pair:
    """One cell of the table; ``value`` is None where the table has no entry."""

    entity: str
    attribute: Attribute
    value: str | None


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TOWNS = _words(
    "Arlowe Besk Corvane Dunmere Estrel Fallow Garrin Hestor Ilmar Jorvik Kestrin Lumen"
)
_TONGUES = _words(
    "Avish Borean Celtan Dorric Elvan Faroic Gallic Hurran Istrian Jutic Kelden Lethic"
)

ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("person", "birthplace", _TOWNS, (
        "{e} was born in {v}",
        "the birthplace of {e} is {v}",
        "{v} is where {e} was born",
        "{e} is a native of {v}",
    )),
    Attribute("person", "profession", _words(
        "baker tailor surgeon printer mason painter lawyer brewer potter glazier farrier weaver"
    ), (
        "{e} worked as a {v}",
        "the profession of {e} was that of a {v}",
        "{e} was a {v} by trade",
        "{e} earned a living as a {v}",
    )),
    Attribute("person", "instrument", _words(
        "lute harp flute fiddle oboe cello trumpet organ drum viol zither horn"
    ), (
        "{e} played the {v}",
        "the instrument of {e} was the {v}",
        "the {v} was played by {e}",
        "{e} gave concerts on the {v}",
    )),
    Attribute("person", "language", _TONGUES, (
        "{e} spoke {v} at home",
        "the mother tongue of {e} was {v}",
        "{e} wrote letters in {v}",
        "{v} was the first language of {e}",
    )),
    Attribute("person", "birth year", _words(
        "1701 1708 1713 1719 1726 1732 1738 1744 1751 1757 1763 1769"
    ), (
        "{e} was born in the year {v}",
        "the birth year of {e} is {v}",
        "{e} came into the world in {v}",
        "in {v} the parents of {e} had their child",
    )),
    Attribute("person", "prize", _words(
        "Acorn Beacon Crown Dolphin Ember Falcon Garland Hammer Ivory Jasper Lantern Meteor"
    ), (
        "{e} won the {v} Prize",
        "the award given to {e} was the {v} Prize",
        "the {v} Prize went to {e}",
        "{e} is a winner of the {v} Prize",
    )),
    Attribute("town", "river", _words(
        "Aune Bright Cam Dove Eske Frome Glen Hale Isen Kell Lorn Merrow"
    ), (
        "{e} lies on the river {v}",
        "the river of {e} is the {v}",
        "the river {v} flows through {e}",
        "{e} stands on the banks of the {v}",
    )),
    Attribute("town", "province", _words(
        "Ambria Brevia Caldora Dravia Elmoria Fenland Grenoria Halvia Istoria Jandria Korland "
        "Lavonia"
    ), (
        "{e} is in the province of {v}",
        "the province of {e} is {v}",
        "{e} belongs to {v}",
        "{v} is the province that holds {e}",
    )),
    Attribute("town", "export", _words(
        "amber barley copper linen cheese honey silk paper salt timber wool glass"
    ), (
        "{e} sells {v} abroad",
        "the main export of {e} is {v}",
        "{v} is the chief product of {e}",
        "{e} is known for its {v}",
    )),
    Attribute("town", "festival", _words(
        "January February March April May June July August September October November December"
    ), (
        "{e} holds its festival in {v}",
        "the festival of {e} is in {v}",
        "{v} is the festival month of {e}",
        "visitors come to {e} for the fair in {v}",
    )),
    Attribute("town", "founding", _words(
        "1102 1117 1131 1148 1163 1179 1194 1206 1223 1238 1251 1277"
    ), (
        "{e} was founded in {v}",
        "the founding year of {e} is {v}",
        "in {v} the town of {e} was founded",
        "{e} has had walls since {v}",
    )),
    Attribute("town", "emblem", _words(
        "lion eagle stag rose anchor wheel tower swan bear key oak star"
    ), (
        "{e} has a {v} on its coat of arms",
        "the emblem of {e} is the {v}",
        "the {v} is the emblem of {e}",
        "the flag of {e} shows a {v}",
    )),
    Attribute("ship", "home port", _TOWNS, (
        "the {e} sailed from {v}",
        "the home port of the {e} was {v}",
        "{v} was the home port of the {e}",
        "the {e} was registered in {v}",
    )),
    Attribute("ship", "launch", _words(
        "1802 1809 1815 1821 1828 1834 1841 1847 1853 1860 1866 1872"
    ), (
        "the {e} was launched in {v}",
        "the launch of the {e} was in {v}",
        "in {v} the {e} was launched",
        "the {e} first floated in {v}",
    )),
    Attribute("ship", "cargo", _words(
        "coal grain tea cotton sugar marble rice spices wine tobacco cocoa iron"
    ), (
        "the {e} carried {v}",
        "the cargo of the {e} was {v}",
        "{v} was the cargo of the {e}",
        "the {e} was laden with {v}",
    )),
    Attribute("ship", "captain", _words(
        "Abbott Barlow Carver Draper Ellery Foster Gresham Hollis Ingram Kemble Lowell Mercer"
    ), (
        "the {e} was commanded by Captain {v}",
        "the captain of the {e} was {v}",
        "Captain {v} commanded the {e}",
        "the {e} obeyed Captain {v}",
    )),
    Attribute("ship", "colour", _words(
        "red blue green white black yellow grey brown purple orange silver golden"
    ), (
        "the {e} had a {v} hull",
        "the hull of the {e} was {v}",
        "the {e} was painted {v}",
        "{v} was the colour of the {e}",
    )),
    Attribute("ship", "fate", _words(
        "fire ice storm reef fog mutiny war plague collision lightning drought rust"
    ), (
        "the {e} was lost to {v}",
        "the end of the {e} came by {v}",
        "{v} ended the voyages of the {e}",
        "the {e} met its end through {v}",
    )),
)  # fmt: skip

_ONSETS = _words("b br c d dr f g gr h k l m n p r s st t tr v w z")
_VOWELS = _words("a e i o u ae ia")
_CODAS = _words("l n r s th m nd rk ss x")
_FIRST_NAMES = _words("Anna Boris Clara David Edith Frank Greta Henry Irene Jonas")
_SHIP_ADJECTIVES = _words("Swift Brave Silent Distant Eastern Northern Lucky Noble")


def _invented_names(random_: random.Random, count: int) -> list[str]:
    names: dict[str, None] = {}
    while len(names) < count:
        syllables = "".join(random_.choice(_ONSETS) + random_.choice(_VOWELS) for _ in range(2))
        names[(syllables + random_.choice(_CODAS)).capitalize()] = None
    return list(names)


def entities(seed: int = SEED) -> dict[str, list[str]]:
    """The names of the entities by kind: ``person``, ``town`` and ``ship``."""
    random_ = random.Random(f"entities {seed}")
    names = _invented_names(random_, 3 * ENTITIES_PER_KIND)
    people, towns, ships = (names[i::3] for i in range(3))
    return {
        "person": [f"{random_.choice(_FIRST_NAMES)} {name}" for name in people],
        "town": towns,
        "ship": [f"{random_.choice(_SHIP_ADJECTIVES)} {name}" for name in ships],
    }


def table(seed: int = SEED) -> list[Pair]:
    """Every (entity, attribute) with its value, in a fixed order; a third of them absent."""
    random_ = random.Random(f"table {seed}")
    names = entities(seed)
    return [
        Pair(
            entity,
            attribute,
            None if random_.random() < ABSENT_FRACTION else random_.choice(attribute.values),
        )
        for attribute in ATTRIBUTES
        for entity in names[attribute.kind]
    ]
