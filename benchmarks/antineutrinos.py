"""Simulated antineutrinos and accidental pairs beside what is published: a table and a picture.

python benchmarks/antineutrinos.py --n 30000 --days 2 --write docs/antineutrinos.md
    --figure docs/antineutrinos_simulated.png
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pages import table, write_part

from kzcal.coincidence.config import IbdSettings
from kzcal.hits import Events
from kzcal.physics.antineutrinos import (
    FISSION_SHARES,
    GEO_MEV,
    NEUTRINOS,
    REACTOR_MEV,
    chain_spectrum,
    fission_spectrum,
)
from kzcal.physics.inverse_beta import cross_section
from kzcal.simulate.accidentals import (
    DrawnPairs,
    Pool,
    draw_pairs,
    paired_events,
    pairs_per_day,
)
from kzcal.simulate.antineutrino_run import AntineutrinoRequest, CoincidenceSetup
from kzcal.simulate.cocktail import Cocktail, Ingredient
from kzcal.simulate.constants import Constants
from kzcal.simulate.ibd import Flux, NeutronWalk
from kzcal.simulate.ibd_events import DELAYED, PROMPT
from kzcal.simulate.order import joined
from kzcal.simulate.run import events_of
from kzcal.simulate.setup import Setup
from kzcal.simulate.singles import SINGLES

DAY_S = 86_400.0
FLUX = "reactor:0.6,geo:0.4"
FISSIONS = {"u235": 6.69, "u238": 10.10, "pu239": 4.36, "pu241": 6.03}
"""1e-43 cm2 per fission of Mention et al. (2011)."""
CHAINS = {"u238": 0.404, "th232": 0.127}
"""1e-44 cm2 per antineutrino of Fiorentini et al. (2007)."""
RADIUS, LEAST_MEV = 6.0, 0.8
COLOURS = ("#20639b", "#d1701c")


@dataclass(frozen=True)
class Looks:
    """What a cut sees of pairs.

    Args:
        prompt: energies, MeV.
        delayed: energies, MeV.
        radius: of the prompt events, m.
        distance: between both, m.
        delay: from one to the other, us.
    """

    prompt: np.ndarray
    delayed: np.ndarray
    radius: np.ndarray
    distance: np.ndarray
    delay: np.ndarray

    @classmethod
    def of(cls, first: Events, second: Events) -> Looks:
        """Pairs with both events inside of 6 m."""
        places = [events.vertex.astype(np.float64) for events in (first, second)]
        radii = [np.linalg.norm(place, axis=1) for place in places]
        inside = (radii[0] < RADIUS) & (radii[1] < RADIUS)
        distance = np.linalg.norm(places[0] - places[1], axis=1)
        delay = (second.timestamp - first.timestamp) * 1e-3
        columns = (first.energy, second.energy, radii[0], distance, delay)
        return cls(*(column[inside] for column in columns))


def simulated(
    request: AntineutrinoRequest | None,
    singles: Sequence[Ingredient] = (),
    days: float | None = None,
    vertex: str = "smeared:0.12:0.35",
) -> Iterable[Events]:
    """Events without hits, in time order."""
    duration = None if days is None else days * DAY_S
    cocktail = Cocktail(1, tuple(singles), duration_s=duration, vertex=vertex)
    recipe = CoincidenceSetup(
        Setup(cocktail, Constants(), hits=False), request, LEAST_MEV if singles else 0.0
    )
    return (part.reported for part in events_of(recipe, recipe.open()))


def antineutrinos(n: int, spread_m: float = NeutronWalk().spread_m, vertex: float = 0.12) -> Looks:
    """Pairs of antineutrinos."""
    request = AntineutrinoRequest(Flux.parse(FLUX), n, walk=NeutronWalk(spread_m=spread_m))
    events = joined(list(simulated(request, vertex=f"smeared:{vertex}:0.35")))
    found = []
    for kind in (PROMPT, DELAYED):
        rows = np.flatnonzero(events.truth["kind"] == kind.encode())
        found.append(events.take(rows[np.argsort(events.truth["group"][rows])]))
    return Looks.of(*found)


def published() -> list[tuple[str, str, str]]:
    """Cross-sections of kzcal and of papers."""
    rows = []
    for fuel in FISSION_SHARES:
        whole = np.trapezoid(
            fission_spectrum(fuel, REACTOR_MEV) * cross_section(REACTOR_MEV), REACTOR_MEV
        )
        label = f"reactions per fission of {fuel}, 10⁻⁴³ cm²"
        rows.append((label, f"{1e43 * whole:.3g}", f"{FISSIONS[fuel]:.3g}, Mention 2011"))
    for chain, each in NEUTRINOS.items():
        whole = np.trapezoid(chain_spectrum(chain, GEO_MEV) * cross_section(GEO_MEV), GEO_MEV)
        label = f"per antineutrino of the chain of {chain}, 10⁻⁴⁴ cm²"
        rows.append((label, f"{1e44 * whole / each:.3g}", f"{CHAINS[chain]:.3g}, Fiorentini 2007"))
    return rows


def of_pairs(pairs: Looks) -> list[tuple[str, str, str]]:
    """Numbers of antineutrinos' pairs."""
    n = len(pairs.delay)
    hydrogen = (pairs.delayed > 1.8) & (pairs.delayed < 2.6)
    carbon = (pairs.delayed > 4.4) & (pairs.delayed < 5.6)
    return [
        (
            "mean delay, µs",
            f"{pairs.delay.mean():.1f} ± {pairs.delay.std() / n**0.5:.1f}",
            "207.5 ± 2.8, KamLAND 2015",
        ),
        ("delayed peak, MeV", f"{np.median(pairs.delayed[hydrogen]):.4f}", "2.2246"),
        ("delayed in 1.8 to 2.6 MeV", f"{hydrogen.mean():.4f}", ""),
        ("delayed in 4.4 to 5.6 MeV", f"{carbon.mean():.4f}", ""),
        ("prompt above 0.9 MeV", f"{np.mean(pairs.prompt > 0.9):.4f}", ""),
        ("median distance, m", f"{np.median(pairs.distance):.3f}", "about 0.5"),
        ("nearer than 1.6 m, 2 m", ", ".join(
            f"{np.mean(pairs.distance < d):.4f}" for d in (1.6, 2.0)
        ), ""),
    ]  # fmt: skip


def distances(n: int) -> str:
    """Median distances under what is not known: vertices and the neutron's walk."""
    rows = [
        (vertex, spread, f"{np.median(antineutrinos(n, spread, vertex).distance):.3f}")
        for vertex in (0.12, 0.12 * 3**0.5)
        for spread in (0.04, 0.08, 0.16)
    ]
    head = ("vertex error at 1 MeV, three axes, m", "neutron's spread, m", "median distance, m")
    return table(head, [(f"{v:.3f}", f"{s:.2f}", d) for v, s, d in rows])


def accidental(days: float, n: int) -> tuple[Pool, DrawnPairs, str]:
    """Pairs by accident, and what they are made of."""
    cuts = IbdSettings()
    parts, seen = simulated(None, SINGLES, days), 0
    begin = time.process_time()
    kept = []
    for part in parts:
        seen += len(part)
        kept.append(part)
    speed = seen / (time.process_time() - begin)
    pool = Pool.of(kept, cuts)
    drawn = draw_pairs(pool, cuts, n, generator=np.random.default_rng(1))
    kinds = pool.events.truth["kind"]
    rows = []
    for part in SINGLES:
        of_kind = kinds == part.label.encode()
        halves = [int(of_kind[rows_].sum()) for rows_ in (pool.prompt, pool.delayed)]
        each = [f"{half / days:.0f}" for half in halves]
        shares = [f"{100 * of_kind[rows_].mean():.1f}" for rows_ in (drawn.first, drawn.second)]
        rows.append((part.label, f"{part.rate_per_day:.4g}", *each, *shares))
    head = ("single event", "a day", "prompt-like", "delayed-like", "% of pairs' first", "second")
    per_day = pairs_per_day(pool, drawn, cuts, days * DAY_S)
    told = (
        f"Together they pair {per_day:.3f} times a day. Simulated, {speed / 1e3:.0f},000 of those "
        f"above {LEAST_MEV} MeV take a second of a core."
    )
    return pool, drawn, f"{table(head, rows)}\n\n{told}"


def picture(pairs: Looks, others: Looks, path: Path) -> None:
    """Both kinds of pairs by what tells them apart."""
    figure = Figure(figsize=(12, 2.8), layout="constrained")
    panels = (
        ("prompt", "prompt energy, MeV", (0.5, 8.0)),
        ("delayed", "delayed energy, MeV", (1.7, 2.7)),
        ("radius", "radius of the prompt event, m", (0.0, 6.0)),
        ("distance", "distance, m", (0.0, 2.0)),
        ("delay", "delay, µs", (0.0, 1000.0)),
    )
    for place, (name, label, span) in zip(figure.subplots(1, 5), panels, strict=True):
        for look, colour, what in zip(
            (pairs, others), COLOURS, ("antineutrinos", "accidental"), strict=True
        ):
            place.hist(
                getattr(look, name),
                60,
                range=span,
                density=True,
                histtype="step",
                color=colour,
                label=what,
            )
        place.set_xlabel(label)
        place.set_yticks([])
        place.spines[["top", "right", "left"]].set_visible(False)
    place.legend(frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--n", type=int, default=30_000)
    words.add_argument("--days", type=float, default=2.0)
    words.add_argument("--write", type=Path, required=True)
    words.add_argument("--figure", type=Path, required=True)
    asked = words.parse_args()
    begin = time.process_time()
    pairs = antineutrinos(asked.n)
    each = (time.process_time() - begin) / asked.n
    speed = ("processor time of a pair, µs", f"{1e6 * each:.0f}", "")
    rows = [*published(), *of_pairs(pairs), speed]
    pool, drawn, made_of = accidental(asked.days, asked.n)
    events = joined(list(paired_events(pool, drawn)))
    others = Looks.of(
        events.take(np.arange(0, len(events), 2)), events.take(np.arange(1, len(events), 2))
    )
    write_part(asked.write, "simulated", table(("quantity", "kzcal", "published"), rows))
    write_part(asked.write, "distances", distances(asked.n // 3))
    write_part(asked.write, "singles", made_of)
    picture(pairs, others, asked.figure)


if __name__ == "__main__":
    main()
