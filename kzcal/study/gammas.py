"""Sets of so many gammas of such an energy with an electron: which of them are rejected worst.

The rest of the energy is the electron's, so that all sets have the same. Sets that are rejected
worst are what a training may be given more of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from kzcal.calibrate.report.digits import measured
from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.physics.given import GivenGammas
from kzcal.simulate.order import joined
from kzcal.study import pictures
from kzcal.study.bench import Bench, Sample
from kzcal.study.config import StudyConfig
from kzcal.study.findings import Findings, Table
from kzcal.study.signal import signal_sample
from kzcal.study.threshold import rejection

NUMBERS = (1, 2, 3, 4)
ENERGIES = (0.3, 0.6, 1.0, 1.5, 2.0)
LEAST_ELECTRON = 0.1
"""MeV; a set whose gammas leave the electron less has none of it."""
KIND = b"gammas"


@dataclass(frozen=True, slots=True)
class GammaSet:
    """So many gammas of one energy with an electron.

    Args:
        number: of gammas.
        energy: of each, MeV.
        electron: its energy, MeV.
        rejection: share rejected; 0 before it is known.
        error: of it.
    """

    number: int
    energy: float
    electron: float
    rejection: float = 0.0
    error: float = 0.0

    @property
    def name(self) -> str:
        """What its events are called."""
        return f"{self.number} x {self.energy:g} MeV"

    @property
    def source(self) -> GivenGammas:
        """What draws it."""
        return GivenGammas((self.energy,) * self.number, self.electron)


def sets_of(total: float) -> list[GammaSet]:
    """The sets that share a total energy [MeV] between gammas and electron.

    Raises:
        ConfigurationError: there is none.
    """
    found = [
        GammaSet(number, energy, round(total - number * energy, 6))
        for number in NUMBERS
        for energy in ENERGIES
        if total - number * energy >= LEAST_ELECTRON
    ]
    if not found:
        message = (
            f"a set has {min(ENERGIES)} MeV for a gamma and {LEAST_ELECTRON} for its electron, "
            f"got a total of {total:g} MeV: raise --quenched"
        )
        raise ConfigurationError(message)
    return found


def study_gammas(
    bench: Bench, config: StudyConfig, advance: Callable[[float], None]
) -> tuple[Findings, list[GammaSet]]:
    """Score every set; the sets come back with what is rejected of them.

    Args:
        bench: where they are simulated.
        config: of the study.
        advance: told of every set that is done.
    """
    signal = signal_sample(bench, config.n)
    advance(1)
    total = (bench.window.lower + bench.window.upper) / 2 * 1.05
    found = []
    for one in sets_of(total):
        found.append(_judged(one, bench.sample(one.name, one.source, config.n), signal, config))
        advance(1)
    worst = min(found, key=lambda one: one.rejection)
    verdict = f"{worst.name} is rejected worst, by {measured(worst.rejection, worst.error)}."
    table = Table(
        "Sets",
        f"Share rejected of sets with {total:.2f} MeV in all.",
        ("set", "electron, MeV", "rejected"),
        tuple(
            (one.name, f"{one.electron:.2f}", measured(one.rejection, one.error)) for one in found
        ),
        pictures.gamma_map(found),
    )
    numbers = {"total_mev": total, "sets": [asdict(one) for one in found]}
    return Findings("gammas", verdict, (table,), numbers), found


def _judged(one: GammaSet, sample: Sample, signal: Sample, config: StudyConfig) -> GammaSet:
    share = rejection(
        (signal.score, signal.energy),
        (sample.score, sample.energy),
        config.acceptance,
        generator=np.random.default_rng([config.seed, *one.name.encode()]),
    )
    return replace(one, rejection=share.value, error=share.error)


def chosen(sets: list[GammaSet], n: int) -> list[int]:
    """Events of each set in a training of ``n`` that has most of what is rejected worst.

    Sets have events in proportion to the share that passes.
    """
    passing = np.array([1.0 - (one.rejection) for one in sets])
    shares = np.floor(n * np.cumsum(passing) / passing.sum() + 0.5)
    return [int(share) for share in np.diff(shares, prepend=0.0)]


def training_set(bench: Bench, sets: list[GammaSet], n: int) -> Events:
    """So many events of the sets as a background to train on, in random order by their energies.

    Raises:
        ConfigurationError: hardly any decay of a set lies in the window.
    """
    parts = [
        bench.events(f"{one.name}/training", one.source, number)
        for one, number in zip(sets, chosen(sets, n), strict=True)
        if number
    ]
    whole = joined([_plain(part) for part in parts])
    order = np.random.default_rng(len(whole)).permutation(len(whole))
    mixed = whole.take(order)
    return replace(mixed, event=np.arange(len(mixed)), timestamp=np.sort(whole.timestamp))


def _plain(events: Events) -> Events:
    return replace(events, truth={**events.truth, "kind": np.full(len(events), KIND)})
