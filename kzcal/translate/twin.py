"""GTQ twins of a run: photoelectrons that its events would have made, were they simulated.

Every event of the samples whose decays are known gets a decay of its own, at its reconstructed
vertex and time less what the reconstruction errs, in the detector that a global fit has found;
where a sample is impure, an electron now and then. Samples are cut on reconstructed energy, and so
are twins. Forced triggers stay, without light. Of an event's hits nothing goes in, so that
translated twins and data differ by chance alone where translation and fit are right.

Assumption: true vertices are spread about reconstructed ones as these are about the true ones,
    which holds where events are spread evenly; a fit of the vertex distribution would settle it
    for films and balloons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Shaped

from kzcal.errors import CalibrationError
from kzcal.fit.light.points import Rows, Vertices
from kzcal.hits import Events
from kzcal.light import LightSites
from kzcal.photoelectrons import Photoelectrons
from kzcal.response.strays import joined as joined_light
from kzcal.simulate.chain import photoelectron_hits
from kzcal.simulate.seeds import BlockKey
from kzcal.translate.decays import joined, of_events
from kzcal.translate.energy_cut import Seen
from kzcal.translate.twin_model import MOST_DRAWS, TwinModel, counted
from kzcal.translate.twin_population import true_times, true_vertices

AT_ONCE = 512
"""Twins that are made together, with random numbers of their own."""
FORCED_KIND, IMPURITY = b"forced", b"electron"
"""What the truth calls forced triggers, and events that their sample is not named after."""

PerEvent = Float64[np.ndarray, " event"]


def twins(model: TwinModel, copies: int, key: BlockKey) -> Iterator[Events]:
    """Twins with photoelectrons as hits, in the order of the run, some at a time.

    Args:
        model: of the run.
        copies: twins of each event, one after the other.
        key: of the random numbers.

    Raises:
        CalibrationError: decays of a sample do not pass its cut.
    """
    population = model.population.repeated(copies)
    for block, first in enumerate(range(0, len(population.kept), AT_ONCE)):
        rows = slice(first, first + AT_ONCE)
        events = population.table.take(population.kept[rows])
        yield _drawn(model, events, population.sample[rows], replace(key, block=block))


@dataclass(frozen=True, slots=True, eq=False)
class _Twins:
    """Some twins.

    Args:
        sample: of each, index into the samples of the model; -1 for a forced trigger.
        pure: whether it is a decay of the sample's source.
        vertex: m.
        begin: ns.
        energy: quenched, MeV; NaN before one is drawn.
    """

    sample: Rows
    pure: Bool[np.ndarray, " event"]
    vertex: Vertices
    begin: PerEvent
    energy: PerEvent

    @classmethod
    def of(cls, model: TwinModel, events: Events, sample: Rows, key: BlockKey) -> _Twins:
        """Twins without decays."""
        stages, generator = model.stages, key.numpy("errors")
        vertex = true_vertices(
            events,
            stages.values["vertex_resolution"],
            stages.quenching.detector.scintillator_radius,
            generator=generator,
        )
        begin = true_times(events, stages.values, generator=generator)
        purity = np.array([*(s.purity for s in model.samples), 1.0])[sample]
        pure = key.numpy("purity").random(len(events)) < purity
        return cls(sample, pure, vertex, begin, np.full(len(events), np.nan))

    def truth(self, model: TwinModel) -> dict[str, Shaped[np.ndarray, " event"]]:
        """Columns of the truth."""
        names = np.array([*(s.name.encode() for s in model.samples), FORCED_KIND, IMPURITY])
        kind = np.where(self.pure, names[:-1][self.sample], names[-1:])
        place = dict(zip("xyz", self.vertex.T, strict=True))
        return {"kind": kind, "e_quenched": self.energy} | place


def _drawn(model: TwinModel, events: Events, sample: Rows, key: BlockKey) -> Events:
    """Twins of some events, drawn until each passes the cut of its sample."""
    made = _Twins.of(model, events, sample, key)
    waiting, parts = np.flatnonzero(sample >= 0), [_no_light(model.stages.device)]
    for turn in range(MOST_DRAWS):
        if not len(waiting):
            break
        again = replace(key, component=f"{key.component} {turn}")
        sites, energy = _decays(model, made, waiting, again)
        light = model.stages.photoelectrons(sites, again)
        passed = _passed(model, made, waiting, light, again)
        made.energy[waiting[passed]] = energy[passed]
        parts.append(_of_twins(light, passed, waiting, made))
        waiting = waiting[~passed]
    if len(waiting):
        missing = model.samples[int(sample[waiting[0]])]
        message = (
            f"decays must pass the cut of their sample in {MOST_DRAWS} draws, got none for "
            f"{len(waiting)} twins, the first of {missing.name}, of whose decays "
            f"{100 * missing.acceptance:.2f} % pass: give the detector and the tag of the run"
        )
        raise CalibrationError(message)
    hits = photoelectron_hits(joined_light(*parts), len(events))
    return replace(events, hits=hits, truth=made.truth(model))


def _decays(
    model: TwinModel, made: _Twins, waiting: Rows, key: BlockKey
) -> tuple[LightSites, PerEvent]:
    """Light of new decays for the twins that wait, numbered as these, and its energy."""
    parts, energy = [], np.zeros(len(waiting))
    for number, sample in enumerate(model.samples):
        for pure, source in ((True, sample.source), (False, sample.cut.electrons())):
            chosen = (made.sample[waiting] == number) & (made.pure[waiting] == pure)
            rows = np.flatnonzero(chosen)
            if not len(rows):
                continue
            generator = key.numpy(f"{sample.name} {pure}")
            start = made.vertex[waiting[rows]]
            sites, energy[rows] = model.stages.quenching.light(source, start, generator=generator)
            parts.append(of_events(sites, rows))
    return joined(parts), energy


def _passed(
    model: TwinModel, made: _Twins, waiting: Rows, light: Photoelectrons, key: BlockKey
) -> Bool[np.ndarray, " event"]:
    """Which of the twins that wait got light that passes the cut of their sample."""
    number = counted(light, len(waiting))
    generator = key.numpy("seen")
    seen = model.scale.seen(number, made.vertex[waiting], generator=generator)
    passed = np.zeros(len(waiting), bool)
    for row, sample in enumerate(model.samples):
        own = made.sample[waiting] == row
        part = Seen(seen.energy[own], seen.square[own])
        passed[own] = sample.cut.passes(part, generator=generator)
    return passed


def _of_twins(
    light: Photoelectrons, passed: Bool[np.ndarray, " event"], waiting: Rows, made: _Twins
) -> Photoelectrons:
    """The light of those that passed, in the hit-time bases of their events."""
    device = light.event.device
    kept = torch.from_numpy(passed).to(device)[light.event]
    event = torch.from_numpy(waiting).to(device)[light.event[kept]]
    begin = torch.from_numpy(made.begin).to(device)[event]
    return Photoelectrons(event, light.pmt[kept], (light.time[kept] + begin).float())


def _no_light(device: torch.device) -> Photoelectrons:
    """Nothing at all."""
    none = torch.zeros(0, dtype=torch.long, device=device)
    return Photoelectrons(none, none, torch.zeros(0, device=device))
