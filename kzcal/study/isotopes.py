"""Rejection of every long-lived isotope of xenon's spallation, and which property it follows.

The claim of the KamNet poster is that of Q value, number of photons and mean photon energy the
last tells best how well an isotope is rejected. Whether photons of annihilation count is not said
there: both means are tried. Isotopes with hardly a decay in the window are left out, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from kzcal.calibrate.report.digits import fixed, measured
from kzcal.components import Source
from kzcal.errors import ConfigurationError
from kzcal.study import pictures
from kzcal.study.bench import FEWEST, Bench, Sample
from kzcal.study.config import StudyConfig
from kzcal.study.decays import photons_of
from kzcal.study.findings import Findings, Table
from kzcal.study.ranks import Correlations, correlations
from kzcal.study.signal import signal_sample
from kzcal.study.threshold import rejection

# fmt: off
SPALLATION = (
    "y88", "zr90m", "nb90", "tc96", "rh98", "rh100", "ag104", "ag104m", "in107", "in108",
    "sn109", "in110", "in110m", "sb113", "sb114", "sb115", "te115", "sb116", "te117", "sb118",
    "i119", "i120", "xe121", "i122", "i124", "sb124", "cs125", "cs126", "cs128", "i130",
    "i132", "i134",
)
# fmt: on
"""Source: KamLAND-Zen's study of long-lived spallation products, arXiv:2301.09307."""
CLAIMED = ("mean photon energy", "mean gamma energy")
"""With photons of annihilation, and without."""
SURE, LEAST = 0.95, 4


@dataclass(frozen=True, slots=True)
class Isotope:
    """How well one kind of decay is rejected.

    Args:
        name: of the source.
        q_value: MeV.
        photons: mean number of a decay.
        photon_energy: mean of a photon, MeV.
        gamma_energy: the same without those of annihilation.
        rejection: share rejected.
        error: of it.
        n: events.
    """

    name: str
    q_value: float
    photons: float
    photon_energy: float
    gamma_energy: float
    rejection: float
    error: float
    n: int


def study_isotopes(
    bench: Bench,
    records: Mapping[str, Source],
    names: Sequence[str],
    config: StudyConfig,
    advance: Callable[[float], None],
) -> Findings:
    """Score isotopes, and correlate.

    Args:
        bench: where they are simulated.
        records: sources by name.
        names: of the isotopes.
        config: of the study.
        advance: told of every kind that is done.

    Raises:
        ConfigurationError: these are too few, or one of them has no Q value.
    """
    if len(names) < LEAST:
        message = f"correlations need {LEAST} isotopes, got {len(names)}: name more"
        raise ConfigurationError(message)
    signal = signal_sample(bench, config.n)
    advance(1)
    rows, rare = [], []
    for name in names:
        events = bench.events(name, records[name].prepare(), config.n)
        if len(events) < FEWEST:
            rare.append(name)
        else:
            sample = Sample(name, events, bench.score(events))
            rows.append(_isotope(sample, records[name], signal, config))
        advance(1)
    rows.sort(key=lambda row: row.rejection)
    found = correlations(
        {
            "Q value": np.array([row.q_value for row in rows]),
            "number of photons": np.array([row.photons for row in rows]),
            CLAIMED[0]: np.array([row.photon_energy for row in rows]),
            CLAIMED[1]: np.array([row.gamma_energy for row in rows]),
        },
        np.array([row.rejection for row in rows]),
        np.array([row.error for row in rows]),
        generator=np.random.default_rng(config.seed),
    )
    told = verdict(found)
    if rare:
        told += f" Hardly any decay lies in the window of {', '.join(rare)}."
    numbers = {
        "isotopes": [asdict(row) for row in rows],
        "correlations": asdict(found),
        "left_out": rare,
    }
    return Findings("isotopes", told, _tables(rows, found), numbers)


def _isotope(sample: Sample, record: Source, signal: Sample, config: StudyConfig) -> Isotope:
    if record.q_value is None:
        message = f"an isotope has a Q value, got {record.name!r}: name a decay"
        raise ConfigurationError(message)
    generator = np.random.default_rng([config.seed, *record.name.encode()])
    share = rejection(
        (signal.score, signal.energy),
        (sample.score, sample.energy),
        config.acceptance,
        generator=generator,
    )
    photons = photons_of(record.prepare(), generator=generator)
    return Isotope(
        record.name,
        record.q_value,
        photons.number,
        photons.energy,
        photons.gamma_energy,
        share.value,
        share.error,
        len(sample.events),
    )


def verdict(found: Correlations) -> str:
    """Whether the claim is confirmed."""
    best = max(found.strongest, key=lambda name: found.strongest[name])
    chance = sum(found.strongest[name] for name in CLAIMED)
    told = (
        "The mean energy of photons has the strongest rank correlation in "
        f"{100 * chance:.0f} % of draws of the isotopes"
    )
    if chance >= SURE:
        return f"Confirmed. {told}."
    if chance <= 1 - SURE:
        return f"Refuted: it is {best}. {told}."
    return f"Neither confirmed nor refuted; {best} leads. {told}."


def _tables(rows: Sequence[Isotope], found: Correlations) -> tuple[Table, ...]:
    return (
        Table(
            "Correlations",
            "Spearman's rank correlation of rejection with properties of the decays.",
            ("property", "correlation", "strongest in"),
            tuple(
                (name, measured(value, found.error[name]), f"{100 * found.strongest[name]:.0f} %")
                for name, value in found.value.items()
            ),
            pictures.isotopes(rows),
        ),
        Table(
            "Isotopes",
            "From the worst rejected to the best; photons of 0.1 MeV and more, and annihilation.",
            ("isotope", "rejected", "Q, MeV", "photons", "photon, MeV", "gamma, MeV", "events"),
            tuple(
                (
                    row.name,
                    measured(row.rejection, row.error),
                    fixed(row.q_value, 3),
                    fixed(row.photons, 2),
                    fixed(row.photon_energy, 3),
                    fixed(row.gamma_energy, 3),
                    str(row.n),
                )
                for row in rows
            ),
        ),
    )
