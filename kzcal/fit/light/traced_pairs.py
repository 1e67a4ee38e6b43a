r"""Pairs of traced photons that share a pulse, and what pulses of samples so take up.

Behind a pulse of a PMT that expects :math:`\mu` photoelectrons, its merging time T takes up
:math:`\mu A(t)` on average. A sample's :math:`A` follows from its traced photons: each is given a
time of scintillation, transit and late or early arrival, and

.. math:: A(t) = c(t) \left(F(t + T) - F(t)\right)

with F the arrivals at that distance from that shell of radius, of decays each with its median of
travelling times taken off. What else makes photons of one decay come together is c: some of the
light of positronium waits, and where one photon went others go. It is the number of pairs of
photons of one decay in one pulse, over that of independent ones which go where the light model
says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from kzcal.calibrate.arrivals import DISTANCE_EDGES, class_of, energy_class
from kzcal.calibrate.light_model import dense_share
from kzcal.calibrate.occupancy import EVENTS_AT_ONCE
from kzcal.calibrate.survey import LIGHT_WINDOW
from kzcal.fit.light.lost import N_PLACE, N_TYPE, LostByTrace, place_of
from kzcal.fit.light.pileup import MEANS, Pileup, begun, passing_of, pileup_of, seen
from kzcal.fit.light.points import Rows
from kzcal.fit.light.traced import TracedBlock
from kzcal.fit.run import CalibratedRun
from kzcal.fit.times.cells import ALPHA_SAMPLES
from kzcal.light import PROFILE_COMPONENTS, PROFILES
from kzcal.optics.acceptance import Sightline, sightline
from kzcal.response.merging import by_group_then_time
from kzcal.response.nominal import read_nominal

STEP = 0.5
N_BINS = round((LIGHT_WINDOW[1] - LIGHT_WINDOW[0]) / STEP)
TIME_EDGES = (0.0, 2.0, 5.0, 8.0, 12.0, 20.0, 40.0)
"""Classes of time in which pairs are counted, ns."""
N_TIME = len(TIME_EDGES) + 1
FEW = 400.0
"""Pairs as expected that every class has beside those counted: with few photons c is one."""
FEW_PHOTONS = 200.0
"""Photons, arriving as at all places together, that every place has beside its own."""


@dataclass(frozen=True, slots=True)
class ArrivalValues:
    """What delays a photoelectron beside its way and its scintillation.

    Args:
        late_fraction: share that arrives late.
        late_delay: mean delay of these, ns.
        early_fraction: share whose pulse comes early.
    """

    late_fraction: float
    late_delay: float
    early_fraction: float

    @classmethod
    def of(cls, values: Mapping[str, float]) -> ArrivalValues:
        """From the parameters of a fit by name."""
        return cls(values["late_fraction"], values["late_delay"], values["early_fraction"])


@dataclass(frozen=True, slots=True, eq=False)
class TracedPairs:
    """Photons traced for a run's samples and their pairs, added in place.

    Args:
        run: the calibrated run.
        sample: of every event, index into ``names``; -1 for none.
        names: of the samples.
        values: delays of photoelectrons.
        arrivals: weights of photons by when they come.
        partners: weights of the pairs that photons would make with all others of their decay in
            PMTs of their type if these went to PMTs as the light model says, by when the first
            comes.
        pairs: weights of pairs of photons of one decay in one pulse, by when the first comes.
        expected: light of the events in good PMTs, by the light model.
        pileup: of the run, which its light model leaves in.
        seed: of the times.
    """

    run: CalibratedRun
    sample: Int[Tensor, " event"]
    names: tuple[str, ...]
    values: ArrivalValues
    arrivals: Float[Tensor, "sample type place bin"]
    partners: Float[Tensor, "sample type place bin"]
    pairs: Float[Tensor, "sample type place time"]
    expected: Float[Tensor, "sample type"]
    pileup: Pileup
    seed: int

    @classmethod
    def of(
        cls, run: CalibratedRun, rows: Mapping[str, Rows], values: ArrivalValues, *, seed: int
    ) -> TracedPairs:
        """Nothing traced yet.

        Args:
            run: the calibrated run.
            rows: events of each sample.
            values: delays of photoelectrons.
            seed: of the times that photons are given.
        """
        device = run.weight.device
        sample = torch.full(run.stream.events.used.shape, -1, device=device)
        for number, part in enumerate(rows.values()):
            sample[torch.as_tensor(part, device=device)] = number
        cells = (len(rows), N_TYPE, N_PLACE)
        zero = torch.zeros(*cells, N_BINS, dtype=torch.float64, device=device)
        pairs = torch.zeros(*cells, N_TIME, dtype=torch.float64, device=device)
        light = torch.zeros(len(rows), N_TYPE, dtype=torch.float64, device=device)
        pileup = pileup_of(run, run.result.arrivals)
        sums = zero, zero.clone(), pairs, light
        return cls(run, sample, tuple(rows), values, *sums, pileup, seed)

    def add_light(self, block: TracedBlock) -> None:
        """Add traced photons."""
        detector = self.run.stream.detector
        weight, kind = self.run.weight[block.pmt].double(), detector.kind[block.pmt]
        decays, decay = torch.unique(block.decay, return_inverse=True)
        time = aligned(block.residual.double(), decay) + self._delays(block, kind)
        bins = ((time - LIGHT_WINDOW[0]) / STEP).floor().long()
        inside = torch.nonzero((bins >= 0) & (bins < N_BINS))[:, 0]
        mates = decay * N_TYPE + kind
        total = torch.bincount(mates[inside], weight[inside], len(decays) * N_TYPE)
        share, light = self._share(block, kind)
        self.expected.index_add_(0, block.samples, light)
        partners = weight * (total[mates] - weight) * share
        place = place_of(self.run, block.row, block.view.distance)
        cell = (block.sample * N_TYPE + kind) * N_PLACE + place
        index = (cell * N_BINS + bins)[inside]
        for sums, values in ((self.arrivals, weight), (self.partners, partners)):
            sums.view(-1).add_(torch.bincount(index, values[inside], sums.numel()))
        in_pmt = (decay * detector.n_pmt + block.pmt)[inside]
        merging_time = self.run.stream.config.merging_time
        first, second = (inside[i] for i in pairs_within(in_pmt, time[inside], merging_time))
        index = cell[first] * N_TIME + class_of(time[first], TIME_EDGES)
        both = weight[first] * weight[second]
        self.pairs.view(-1).add_(torch.bincount(index, both, self.pairs.numel()))

    def lost(self) -> LostByTrace:
        """What is lost behind hits, once all light is in."""
        steps = round(self.run.stream.config.merging_time / STEP)
        everywhere = self.arrivals.sum(2, keepdim=True)
        few = FEW_PHOTONS * everywhere / everywhere.sum(-1, keepdim=True).clamp(min=1e-12)
        arrivals = self.arrivals + few + 1e-12
        light = arrivals / arrivals.sum(-1, keepdim=True)
        arrived = functional.pad(light.cumsum(-1), (1, 0))
        ahead = functional.pad(arrived[..., steps:], (0, steps), value=1.0) - arrived
        ahead = (ahead[..., 1:] + ahead[..., :-1]) / 2
        together = self._together(ahead)
        share = [
            _mean_share(light[:, k], ahead[:, k], together[:, k], passing, steps)
            for k, passing in enumerate(passing_of(self.run))
        ]
        amount = torch.ones_like(self.expected)
        lost = LostByTrace(self.run, self.sample, torch.stack(share, dim=1), amount)
        return lost.settled(self.expected)

    def _together(
        self, ahead: Float[Tensor, "sample type place bin"]
    ) -> Float[Tensor, "sample type place bin"]:
        """Pairs of photons of one decay over independent ones.

        The product of one factor for each sample and time of the first, of both types, and of
        one for each place, of all samples, for what the light model's acceptance is off there.
        """
        middle = LIGHT_WINDOW[0] + STEP * (torch.arange(N_BINS, device=ahead.device) + 0.5)
        when = class_of(middle, TIME_EDGES)
        expected = torch.zeros_like(self.pairs).index_add_(-1, when, self.partners * ahead)
        by_time = (self.pairs.sum((1, 2)) + FEW) / (expected.sum((1, 2)) + FEW)
        expected = expected * by_time[:, None, None]
        by_place = (self.pairs.sum((0, 3)) + FEW) / (expected.sum((0, 3)) + FEW)
        return by_time[:, None, None, when] * by_place[:, :, None]

    def _delays(
        self, block: TracedBlock, kind: Int[Tensor, " photon"]
    ) -> Float[Tensor, " photon"]:
        """What comes on top of each photon's way, drawn: scintillation and transit, ns.

        A photon draws by its decay, PMT and time, so that one that goes the same way for other
        values of the parameters has the same delays.
        """
        light, values = self.run.detector.light, self.values
        when = block.residual.float().contiguous().view(torch.int32).long()
        key = hashed(hashed(block.decay + self.seed) + block.pmt) + when
        uniform = torch.stack([uniforms(key, stream) for stream in range(6)])
        waits = -torch.log(uniform[:3])
        chance, times = self._profile(block).unbind(-1)
        upto = chance.cumsum(-1) / chance.sum(-1, keepdim=True)
        component = (uniform[3, :, None] > upto[:, :-1]).sum(-1, keepdim=True)
        delay = waits[0] * times.gather(1, component)[:, 0] * light.decay_scale
        delay = delay + waits[1] * light.rise_time
        normal = math.sqrt(2) * torch.erfinv(2 * uniform[5] - 1)
        delay = delay + self.run.result.timing.simple.tts.double()[kind] * normal
        late = uniform[4] < values.late_fraction
        early = uniform[4] > 1 - values.early_fraction
        types = read_nominal().types
        edges = torch.tensor([types[inch].early_ns for inch in sorted(types)]).to(delay)
        first, last = edges[kind].unbind(-1)
        moved = torch.lerp(first, last, (1 - uniform[4]) / max(values.early_fraction, 1e-12))
        delay = torch.where(late, delay + waits[2] * values.late_delay, delay)
        return torch.where(early, delay + moved, delay)

    def _profile(self, block: TracedBlock) -> Float[Tensor, "photon component 2"]:
        """Weights and times [ns] of each photon's scintillation, the same for a decay's photons.

        A sample of alphas has as many electrons as its selection lets in.
        """
        selections, device = self.run.result.selections, block.decay.device
        purity = [selections[n].purity if n in ALPHA_SAMPLES else 0.0 for n in self.names]
        uniform = uniforms(hashed(block.decay + self.seed), 0)
        alpha = uniform < torch.tensor(purity, device=device)[block.sample]
        table = [PROFILE_COMPONENTS[PROFILES.index(name)] for name in ("electron", "alpha")]
        return torch.tensor(table, dtype=torch.float64, device=device)[alpha.long()]

    def _share(
        self, block: TracedBlock, kind: Int[Tensor, " photon"]
    ) -> tuple[Float[Tensor, " photon"], Float[Tensor, "event type"]]:
        """By the light model: share of each photon's PMT in its type, and light of the events."""
        stream, light = self.run.stream, self.run.result.light
        detector = stream.detector
        good = self.run.weight > 0
        by_type = functional.one_hot(detector.kind, N_TYPE).double() * good[:, None]
        sums, light_of = [], []
        for rows in torch.split(block.events, EVENTS_AT_ONCE):
            view = sightline(stream.events.vertex[rows], detector.direction, detector.radius)
            mean = light.light[rows][:, None] * light.efficiency
            mean = mean * dense_share(light.acceptance, view, stream)
            light_of.append(mean.double() @ by_type)
            sums.append(self._alone(mean, rows[:, None], detector.kind, view) @ by_type)
        total = torch.cat(sums)[block.event, kind]
        own = light.acceptance.fraction_of_hits(
            block.view, detector.aperture_radius[block.pmt], kind
        )
        mean = light.light[block.row] * light.efficiency[block.pmt] * own
        share = self._alone(mean, block.row, kind, block.view) / total.clamp(min=1e-12)
        return share, torch.cat(light_of)

    def _alone(
        self,
        mean: Float[Tensor, "*shape"],
        row: Int[Tensor, "*#shape"],
        kind: Int[Tensor, "*#shape"],
        view: Sightline,
    ) -> Float[Tensor, "*shape"]:
        """Photoelectrons above threshold if each came alone, of those that the model expects.

        The model takes hits of several, which pass more often, for more light.
        """
        energy = energy_class(self.run.stream.events.energy[row.reshape(-1)]).reshape(row.shape)
        place = class_of(view.distance, DISTANCE_EDGES)
        return (mean / self.pileup.at(mean, kind, energy, place)).double()


def hashed(number: Int[Tensor, " photon"]) -> Int[Tensor, " photon"]:
    """Numbers in which every bit follows from all bits of those given.

    Source: the finalizer of SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2714064.2660195).
    """
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        number = (number ^ ((number >> shift) & ((1 << (64 - shift)) - 1))) * factor
    return number ^ ((number >> 31) & ((1 << 33) - 1))


def uniforms(key: Int[Tensor, " photon"], stream: int) -> Float[Tensor, " photon"]:
    """Random numbers between 0 and 1, the same for the same key and stream."""
    bits = hashed(hashed(key) + stream) >> 12
    return ((bits & ((1 << 52) - 1)).double() + 0.5) / (1 << 52)


def aligned(
    time: Float[Tensor, " photon"], decay: Int[Tensor, " photon"]
) -> Float[Tensor, " photon"]:
    """Times less the median of those of the same decay; decays are numbered from 0 without gaps.

    When all of a decay's light is late, no PMT loses more or less of it.
    """
    order = by_group_then_time(decay, time)
    number = torch.bincount(decay)
    first = number.cumsum(0) - number
    return time - time[order[first + number // 2]][decay]


def pairs_within(
    group: Int[Tensor, " photon"], time: Float[Tensor, " photon"], reach: float
) -> tuple[Int[Tensor, " pair"], Int[Tensor, " pair"]]:
    """Photons of one group of which the second comes at most so much after the first."""
    order = by_group_then_time(group, time)
    group, time = group[order], time[order]
    found_first, found_second = [order[:0]], [order[:0]]
    first = torch.arange(len(order), device=order.device)
    ahead = 1
    while len(first):
        first = first[first + ahead < len(order)]
        second = first + ahead
        near = (group[second] == group[first]) & (time[second] - time[first] <= reach)
        first = first[near]
        found_first.append(order[first])
        found_second.append(order[first + ahead])
        ahead += 1
    return torch.cat(found_first), torch.cat(found_second)


def _mean_share(
    light: Float[Tensor, "sample place bin"],
    ahead: Float[Tensor, "sample place bin"],
    together: Float[Tensor, "sample place bin"],
    passing: Float[Tensor, " pe"],
    steps: int,
) -> Float[Tensor, "sample place mean"]:
    """Light lost behind a pulse of one type over what the light model expects, at MEANS."""
    nodes = torch.tensor(MEANS, dtype=torch.float64, device=light.device).clamp(min=1e-4)
    mean = nodes[:, None] / passing[0]
    together = together[:, :, None]
    ahead = ahead[:, :, None] * together
    behind = mean * ahead
    pulses = begun(mean * light[:, :, None], steps, together)
    counted = pulses * seen(behind, passing)
    of_each = (counted * (1 + passing[0] * behind)).sum(-1) / (pulses * (1 + behind)).sum(-1)
    return (counted * ahead).sum(-1) / counted.sum(-1) / (of_each / passing[0])
