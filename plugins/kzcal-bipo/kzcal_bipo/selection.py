"""Selection of the coincidence, and the accidental pairs in it from off-time windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64

from kzcal.geometry import Detector
from kzcal.hits import Events, Muons, RunHeader
from kzcal.parts import Selection
from kzcal.samples.cuts import since_muon, within
from kzcal.samples.purity import counted
from kzcal_bipo.pairs import pairs_in_time


@dataclass(frozen=True, slots=True)
class Coincidence:
    """A decay of 214Bi and the alpha of its daughter 214Po, soon after and nearby.

    The energy windows are wide because energies are only roughly calibrated: the alpha of 7.69 MeV
    is quenched to about 0.6 MeV, the betas and gammas end at 3.27 MeV. The half-life of 214Po is
    163.6(3) us (Source: ENSDF, 214Po), so that the time window holds 98.1 % of the decays.

    Args:
        member: which of the two events makes the sample.
        prompt_mev: visible energy of the 214Bi decay.
        delayed_mev: visible energy of the alpha.
        delay_ns: time between the two.
        distance_m: largest distance between the two vertices.
        veto_ns: time after a muon that is left out, as neutrons are coincidences too.
        off_time_ns: where the off-time windows begin, each as long as ``delay_ns``.
        n_windows: number of off-time windows.
    """

    member: Literal["prompt", "delayed"]
    prompt_mev: tuple[float, float] = (0.5, 3.6)
    delayed_mev: tuple[float, float] = (0.4, 0.9)
    delay_ns: tuple[int, int] = (1_000, 1_000_000)
    distance_m: float = 1.7
    veto_ns: int = 2_000_000
    off_time_ns: int = 5_000_000
    n_windows: int = 100

    def select(
        self,
        events: Events,
        muons: Muons,
        header: RunHeader,  # noqa: ARG002  part of the protocol
        detector: Detector,
    ) -> Selection:
        """Events with a partner, and how many of them have one by chance."""
        usable = within(events, detector.scintillator_radius)
        usable &= since_muon(events, muons) >= self.veto_ns
        prompt = _rows(events, np.flatnonzero(usable), self.prompt_mev)
        delayed = _rows(events, np.flatnonzero(usable), self.delayed_mev)
        candidates = prompt if self.member == "prompt" else delayed
        paired, _ = self._paired(events, prompt, delayed, self.delay_ns)
        rows = np.zeros(len(events), bool)
        rows[paired] = True
        length = self.delay_ns[1] - self.delay_ns[0]
        off_time = (self.off_time_ns, self.off_time_ns + self.n_windows * length)
        others, delay = self._paired(events, prompt, delayed, off_time)
        free = ~rows[others]
        window = (delay[free] - off_time[0]) // length
        n_off = len(np.unique(np.stack([others[free], window]), axis=1).T)
        purity, error = self._purity(int(rows.sum()), int((~rows[candidates]).sum()), n_off)
        note = f"From {n_off} accidental partners in {self.n_windows} off-time windows."
        return Selection(rows, purity, error, note)

    def _purity(self, n_selected: int, n_free: int, n_off: int) -> tuple[float, float]:
        """Purity from the partners that free events find off time.

        A free event finds a partner by chance with probability p = ``n_off`` / (windows x free);
        free are those that found none on time, a share 1 - p of all that have no true partner.
        """
        expected = n_off / self.n_windows
        hit = min(expected / n_free, 0.99) if n_free else 0.0
        error = np.sqrt(n_off + 1.0) / self.n_windows
        return counted(n_selected, expected / (1.0 - hit), error / (1.0 - hit))

    def _paired(
        self,
        events: Events,
        prompt: Int64[np.ndarray, " prompt"],
        delayed: Int64[np.ndarray, " delayed"],
        window_ns: tuple[int, int],
    ) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
        """The member of each pair that is close in space, and the delay, ns."""
        time = events.timestamp
        i, j = pairs_in_time(time[prompt], time[delayed], window_ns)
        first, second = prompt[i], delayed[j]
        near = _distance(events.vertex, first, second) < self.distance_m
        first, second = first[near], second[near]
        delay: Int64[np.ndarray, " pair"] = time[second] - time[first]
        return (first if self.member == "prompt" else second), delay


def _rows(
    events: Events, rows: Int64[np.ndarray, " usable"], energy_mev: tuple[float, float]
) -> Int64[np.ndarray, " row"]:
    """Those of the rows that lie in an energy window, in the order of time."""
    energy = events.energy[rows]
    kept = rows[(energy >= energy_mev[0]) & (energy < energy_mev[1])]
    ordered: Int64[np.ndarray, " row"] = kept[np.argsort(events.timestamp[kept], kind="stable")]
    return ordered


def _distance(
    vertex: Float32[np.ndarray, "event 3"],
    first: Int64[np.ndarray, " pair"],
    second: Int64[np.ndarray, " pair"],
) -> Float32[np.ndarray, " pair"]:
    """Distance between the vertices of each pair, m."""
    apart: Float32[np.ndarray, " pair"] = np.linalg.norm(vertex[first] - vertex[second], axis=1)
    return apart
