"""Events that come alone, at the rates at which they do: what pairs by accident.

Every rate is of the whole detector. Only external gammas get their energies and places by a
simple law instead of their way from the PMTs, since one in 10,000 would arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kzcal.simulate.cocktail import Ingredient

PER_HERTZ = 86_400.0
"""Per day."""
EDGE = "edge:0.25"
"""Where external gammas first scatter. Assumption: they fall by e over 25 cm, their mean free path
of 25 to 32 cm at 1.5 to 2.6 MeV seen at an angle; singles by radius of a run would settle it."""

SINGLES = (
    Ingredient("kr85", "ls", rate_per_day=1.75 * PER_HERTZ),
    Ingredient("bi210", "ls", rate_per_day=1.75 * PER_HERTZ),
    Ingredient("bi210", "film", name="bi210-film", rate_per_day=0.05 * PER_HERTZ),
    Ingredient("k40", "ls", rate_per_day=0.03 * PER_HERTZ),
    Ingredient("c11", "ls", rate_per_day=1010.0),
    Ingredient("c10", "ls", rate_per_day=19.0),
    Ingredient("xe136-2nbb", "xels", rate_per_day=2552.0),
    Ingredient("bi214", "film", name="bi214-film", rate_per_day=4.2),
    Ingredient(
        "gamma",
        EDGE,
        name="k40-external",
        options=(("energy", 1.4608),),
        rate_per_day=2.0 * PER_HERTZ,
    ),
    Ingredient(
        "gamma",
        EDGE,
        name="tl208-external",
        options=(("energy", 2.6145),),
        rate_per_day=0.5 * PER_HERTZ,
    ),
    Ingredient(
        "gamma",
        EDGE,
        name="bi214-external",
        options=(("energy", 1.7645),),
        rate_per_day=0.25 * PER_HERTZ,
    ),
    Ingredient(
        "gamma",
        EDGE,
        name="bi214-external-2204",
        options=(("energy", 2.2041),),
        rate_per_day=0.08 * PER_HERTZ,
    ),
)
"""Single events of KamLAND-Zen 800.

Source: 11C, 10C and 136Xe at the rates of KamLAND (2010), arXiv:0907.0066, and of a half-life of
2.23e21 years in 745 kg; 214Bi of the film at 3e-12 g/g of uranium.
Assumption: the rest. 85Kr and 210Bi share 3.5 Hz below 0.8 MeV, which are known to (5 +- 4) Hz;
potassium is that of the liquid before purification; external gammas have 2, 0.5 and 0.33 Hz at
1.46, 2.61 and 1.76 with 2.20 MeV, so that pairs closer than 2 m inside of 6 m are 0.1 a day: 2 or
3 times the 0.042 that KamLAND (2013), arXiv:1303.4667, has after a likelihood cut. A run's own
singles, by energy and radius, settle all of them.
"""


def times_as_often(singles: Sequence[Ingredient], factor: float) -> tuple[Ingredient, ...]:
    """Single events so many times as often; those of a given number stay as many."""
    return tuple(
        replace(part, rate_per_day=part.rate_per_day * factor)
        if part.rate_per_day is not None
        else part
        for part in singles
    )
