"""Pulls of a calibration table against the challenge's truth: the figure of the README.

kzcal db export --db kz.db --tag TAG --run 15001 --out table.csv
python benchmarks/pull_figure.py table.csv period_A_truth.h5 docs/pulls.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kzcal.geometry import load_detector
from kzcal.response.charge import ChargeShape, detection_efficiency

TRUTH = {
    "qe": "qe",
    "gain": "gain",
    "spe_width": "spe_width",
    "time_offset": "t_offset",
    "tts": "tts",
    "dark_rate": "dark_rate",
}
CHALLENGE_SHAPE = (0.13, 0.35, 0.30, 0.05)
"""Exponential share and scale, threshold and its width, as the challenge's score.py has them."""


def above_threshold(gain: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Share of the truth's dark pulses that are seen."""
    shape = ChargeShape(*(torch.full((len(gain),), v).double() for v in CHALLENGE_SHAPE))
    return detection_efficiency(torch.from_numpy(gain), torch.from_numpy(width), shape)[0].numpy()


def pulls(table: np.ndarray, truth: h5py.File, name: str) -> np.ndarray:
    """Pulls of the good PMTs; each type's efficiencies have a mean of their own."""
    true = truth[TRUTH[name]][()].astype(float)
    if name == "dark_rate":
        true = true * above_threshold(truth["gain"][()], truth["spe_width"][()])
    value = table[name].copy()
    good = (table["status"] == "good") & (truth["status"][()] == 0)
    if name == "qe":
        is_20 = load_detector().diameter_inch == 20
        for rows in (is_20, ~is_20):
            value[rows] /= np.median((value / true)[rows & good])
    return ((value - true) / table[f"{name}_err"])[good]


def main() -> None:
    """Draw the figure."""
    table = np.genfromtxt(sys.argv[1], delimiter=",", names=True, dtype=None, encoding=None)
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3, sharex=True, sharey=True)
    edges = np.linspace(-5, 5, 51)
    with h5py.File(sys.argv[2]) as truth:
        for axis, name in zip(axes.flat, TRUTH, strict=True):
            found = pulls(table, truth, name)
            axis.hist(found, edges, color="#7aa6c2")
            bell = np.exp(-0.5 * edges**2) / np.sqrt(2 * np.pi)
            axis.plot(edges, bell * len(found) * 0.2, color="#333333", lw=1)
            label = f"{name}\nmean {found.mean():+.2f}, width {found.std():.2f}"
            axis.text(0.03, 0.95, label, transform=axis.transAxes, va="top", fontsize=9)
    for axis in axes[1]:
        axis.set_xlabel("(calibrated - true) / error")
    for axis in axes[:, 0]:
        axis.set_ylabel("PMTs / 0.2")
    figure.savefig(Path(sys.argv[3]), dpi=110)


if __name__ == "__main__":
    main()
