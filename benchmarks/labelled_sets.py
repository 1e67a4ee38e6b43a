"""Simulated labelled sets beside those of the challenge: do they have the same hits?

    python benchmarks/labelled_sets.py TOPOLOGY.h5 BB.h5 BI214.h5 --db kz.db --tag TAG --run 15001
        --write docs/simulation.md --figure docs/labelled_sets.png

BB.h5 and BI214.h5 are those that docs/simulation.md simulates with the constants of the run. PMTs
whose cables are exchanged in the run are left out: in TOPOLOGY.h5 they are not.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pages import table, write_part
from scipy.stats import chi2, ks_2samp

from kzcal.classify.corrected import Correction, corrected_events
from kzcal.conditions.engine import resolve
from kzcal.geometry import Detector, load_detector
from kzcal.io.source import open_events
from kzcal.learning import CorrectedEvents
from kzcal.simulate.constants import Constants

DETECTOR = Path(__file__).parent / "challenge" / "detector.toml"
EDGES = np.arange(-20.0, 101.0, 1.0)
SIZES = (17, 20)


@dataclass(frozen=True)
class Kind:
    """Events of one kind: hits as a classifier sees them, and the truth."""

    events: CorrectedEvents
    spread: np.ndarray

    def times(self, is_size: np.ndarray) -> np.ndarray:
        """Hits of PMTs in bins of the residual."""
        hits = self.events.hits
        return np.histogram(hits.time[is_size[hits.pmt]], EDGES)[0]


def read(path: Path, kind: bytes, detector: Detector, correction: Correction) -> Kind:
    """The events of a kind in a file."""
    with open_events(path, detector) as source:
        truth = source.table().truth
        rows = np.flatnonzero(truth["kind"] == kind)
        return Kind(corrected_events(source, detector, correction, rows), truth["rms"][rows])


def compared(first: Kind, second: Kind, detector: Detector) -> list[tuple[str, str, str, str]]:
    """Numbers of both, and the chance that they are of one law where that can be said."""
    pair = (first, second)
    hits = [kind.events.hits for kind in pair]
    of_20 = detector.diameter_inch == 20
    rows = [
        (
            "hits of an event",
            *(f"{h.counts.mean():.1f} ± {h.counts.std() / len(h) ** 0.5:.1f}" for h in hits),
            f"{ks_2samp(*(h.counts for h in hits)).pvalue:.2g}",
        ),
        ("share on 20-inch PMTs", *(f"{of_20[h.pmt].mean():.4f}" for h in hits), ""),
        ("charge of a hit, p.e.", *(f"{h.charge.mean():.3f}" for h in hits), ""),
        ("spread of the energy, m", *(f"{kind.spread.mean():.3f}" for kind in pair), ""),
        ("compact within 5 cm", *(f"{(kind.spread < 0.05).mean():.3f}" for kind in pair), ""),
    ]
    for size in SIZES:
        counts = [kind.times(detector.diameter_inch == size) for kind in pair]
        scales = np.array([len(kind.events) for kind in pair])
        expected = np.sum(counts, axis=0)[None] * scales[:, None] / scales.sum()
        distance = ((np.array(counts) - expected) ** 2 / expected).sum()
        chance = chi2.sf(distance, len(EDGES) - 1)
        words = f"χ² = {distance:.0f} of {len(EDGES) - 1}"
        rows.append((f"residuals of {size}-inch PMTs", words, "", f"{chance:.2g}"))
    return rows


def draw(kinds: dict[str, tuple[Kind, Kind]], detector: Detector, path: Path) -> None:
    """Ratio of kinds, and of simulation to challenge, over the residual."""
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    for column, size in enumerate(SIZES):
        chosen = detector.diameter_inch == size
        rate = {
            (name, row): pair[row].times(chosen) / len(pair[row].events)
            for name, pair in kinds.items()
            for row in range(2)
        }
        for row, label in enumerate(("challenge", "simulated")):
            ratio = rate["bi214", row] / rate["bb", row]
            axes[0, column].step(middle, ratio, where="mid", label=label)
        for name, pair in kinds.items():
            error = np.sqrt(sum(rate[name, row] / len(pair[row].events) for row in range(2)))
            ratio, width = rate[name, 1] / rate[name, 0], error / rate[name, 0]
            axes[1, column].errorbar(middle, ratio, width, fmt=".", ms=3, lw=0.6, label=name)
        axes[0, column].set_title(f"{size}-inch PMTs")
        axes[0, column].set_ylim(0.5, 1.5)
        axes[1, column].set_ylim(0.8, 1.2)
        axes[1, column].set_xlabel("residual, ns")
    axes[0, 0].set_ylabel("hits of bi214 over hits of bb")
    axes[1, 0].set_ylabel("hits simulated over hits of the challenge")
    for one in axes[:, 0]:
        one.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Write the page's part."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("challenge", "bb", "bi214"):
        parser.add_argument(name, type=Path)
    for name in ("db", "tag"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--run", type=int, required=True)
    for name in ("write", "figure"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    detector = load_detector(str(DETECTOR))
    constants = Constants.stored(resolve(given.db), given.tag, given.run)
    correction = Correction.of(constants.payload(detector), detector)
    own_place = correction.place == np.arange(detector.n_pmt)
    correction = replace(correction, live=correction.live & own_place)
    kinds = {
        name: tuple(
            read(path, name.encode(), detector, correction)
            for path in (given.challenge, getattr(given, name))
        )
        for name in ("bb", "bi214")
    }
    parts = []
    for name, pair in kinds.items():
        n = " and ".join(str(len(kind.events)) for kind in pair)
        head = (name, "challenge", "simulated", "p")
        parts.append(f"{n} events of {name}:\n\n{table(head, compared(*pair, detector))}")
    write_part(given.write, "labelled_sets", "\n\n".join(parts))
    draw(kinds, detector, given.figure)


if __name__ == "__main__":
    main()
