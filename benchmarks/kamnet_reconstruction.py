"""KamNet's trunk against the likelihood reconstruction, on simulated events with their truth.

    python benchmarks/kamnet_reconstruction.py MODEL bb.h5 bi214.h5 --db kz.db --tag full-2026
        --run 15001 [--events 600]

MODEL is of `kzcal kamnet-reconstruct train`, of files with other seeds. Both see the hits alone,
with the same constants. Energies are over their mean: each has a scale of its own.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from kzcal_kamnet.reconstruction_files import reconstructed
from kzcal_kamnet.reconstruction_model import read_model
from pages import table, write_part

from kzcal.calibrate.report.picture import drawing
from kzcal.classify.corrected import Correction
from kzcal.geometry import Detector
from kzcal.geometry.adjusted import detector_at
from kzcal.geometry.materials import load_materials
from kzcal.hits import Events
from kzcal.io.source import open_events
from kzcal.optics.light_map_cache import light_map_of
from kzcal.reconstruct.fit import Reconstruction
from kzcal.reconstruct.scale import photons_per_visible_mev
from kzcal.response.constants import response_from
from kzcal.response.nominal import read_nominal
from kzcal.response.shared import sharing
from kzcal.simulate.constants import Constants
from kzcal.training.directory import TrainedDirectory

DOCS = Path(__file__).parents[1] / "docs"
COLOURS = {"network": "#c0392b", "likelihood": "#1f77b4"}
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Result:
    """What one way found of one sample.

    Args:
        sample: value of truth/kind.
        way: network or likelihood.
        miss: of the vertex, cm.
        energy: over the true one and over the mean of that.
        late: t0 less the simulated one, ns.
        milliseconds: of a processor for each event.
    """

    sample: str
    way: str
    miss: np.ndarray
    energy: np.ndarray
    late: np.ndarray
    milliseconds: float

    def row(self) -> list[object]:
        """For the table."""
        width = [half_width(self.miss[:, axis]) for axis in range(3)]
        return [
            self.sample,
            self.way,
            len(self.miss),
            f"{np.sqrt((self.miss**2).sum(1).mean()):.1f}",
            f"{np.mean(width):.1f}",
            f"{self.miss[:, 2].mean():+.1f} ± {self.miss[:, 2].std() / len(self.miss) ** 0.5:.1f}",
            f"{100 * half_width(self.energy):.2f}",
            f"{half_width(self.late):.2f}",
            f"{self.milliseconds:.1f}",
        ]


def half_width(values: np.ndarray) -> float:
    """Half of the central 68 %: the standard deviation of a Gaussian."""
    low, high = np.percentile(values, [15.87, 84.13])
    return float(high - low) / 2


def likelihood(constants: Constants, nominal: Detector) -> Reconstruction:
    """The reconstruction of `kzcal reconstruct`."""
    shared = constants.shared()
    detector = detector_at(nominal, shared) if shared else nominal
    payload = constants.payload(detector)
    response = sharing(response_from(payload, detector, read_nominal()), detector, shared)
    light_map = light_map_of(detector, load_materials())
    photons = photons_per_visible_mev(detector, light_map)
    return Reconstruction(light_map, response, photons_per_mev=photons)


def compared(sample: str, way: str, before: Events, after: Events, seconds: float) -> Result:
    """What was found against the truth."""
    known = np.isfinite(after.energy)
    true = np.stack([before.truth[axis] for axis in "xyz"], 1)
    ratio = after.energy / before.truth["e_quenched"]
    late = after.t0 - before.t0
    return Result(
        sample,
        way,
        100 * (after.vertex - true)[known],
        ratio[known] / ratio[known].mean(),
        late[known],
        1e3 * seconds / len(before),
    )


def draw(results: list[Result], path: Path) -> None:
    """Errors of vertices and of energies, a row for each sample."""
    samples = list(dict.fromkeys(result.sample for result in results))
    with drawing(9.0, 3.0 * len(samples)) as figure:
        axes = figure.subplots(len(samples), 2, squeeze=False)
        for result in results:
            left, right = axes[samples.index(result.sample)]
            look = {"histtype": "step", "color": COLOURS[result.way], "label": result.way}
            distance = np.linalg.norm(result.miss, axis=1)
            left.hist(distance.clip(max=49.9), np.arange(0.0, 52.0, 2.0), **look)
            right.hist(result.energy.clip(0.851, 1.149), np.arange(0.85, 1.151, 0.01), **look)
            left.set_xlabel(f"{result.sample}: distance from the true vertex (cm)")
            right.set_xlabel(f"{result.sample}: energy over the true one, over its mean")
            left.set_ylabel("events")
            left.legend(frameon=False)
        figure.savefig(path)


def main() -> None:
    """Write the table and the figure of docs/kamnet_reconstruction.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--events", type=int, default=600)
    given = parser.parse_args()
    directory = TrainedDirectory(given.model)
    manifest, network = read_model(directory, CPU)
    detector = directory.open_detector(manifest)
    constants = Constants.stored(given.db, given.tag, given.run)
    correction = Correction.of(constants.payload(detector), detector)
    fit = likelihood(constants, detector)
    results = []
    for path in given.files:
        with open_events(path, detector) as source:
            events = next(iter(source.chunks(1000 * given.events)))[: given.events]
        sample = events.truth["kind"].astype(str)[0]
        start = time.process_time()
        found = reconstructed(events, network, correction, detector, CPU)
        middle = time.process_time()
        fitted = fit.fit(events)
        end = time.process_time()
        results.append(compared(sample, "network", events, found, middle - start))
        results.append(compared(sample, "likelihood", events, fitted, end - middle))
    head = ("events", "by", "number", "vertex, all axes (cm)", "one axis", "mean of z")
    rows = [result.row() for result in results]
    text = table([*head, "energy (%)", "t0 (ns)", "processor time (ms)"], rows)
    write_part(DOCS / "kamnet_reconstruction.md", "reconstruction", text)
    draw(results, DOCS / "kamnet_reconstruction.png")


if __name__ == "__main__":
    main()
