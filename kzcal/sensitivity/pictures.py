"""Pictures of an experiment: its spectra, its shells, its cuts and what it excludes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from kzcal.calibrate.report.picture import DATA, FULL, MODEL, drawing, embedded
from kzcal.sensitivity.halflife import UNIT
from kzcal.sensitivity.study import Sensitivity

COLOURS = (
    "#20639b", "#d1701c", "#3c8d5a", "#7d5ba6", "#9a3b3b", "#5f6670", "#b8a13a", "#4f9da6",
    "#a65a8d", "#7a7a7a",
)  # fmt: skip
LARGEST = 7
"""Backgrounds with a line of their own; the others are drawn together."""


def spectra(found: Sensitivity) -> str:
    """Expected events by energy within the reference's radius, and by radius in its energies."""
    with drawing(FULL, 4.2) as figure:
        by_energy, by_radius = figure.subplots(1, 2)
        draw_energies(by_energy, found)
        draw_radii(by_radius, found)
        by_energy.legend(ncols=2)
        caption = (
            "Red: signal at the half-life that is excluded. Left: within the radius of the "
            "reference. Right: in its range of energies; shells have equal volumes."
        )
        return embedded(figure, "Expected events by energy and by radius", caption)


def draw_energies(axes: Axes, found: Sensitivity) -> None:
    """Events per bin of energy within the reference's radius."""
    whole, reference = found.expected, found.experiment.reference
    shape = (len(whole.radius) - 1, len(whole.energy) - 1)
    near = whole.radius[1:] <= reference.radius + 0.02
    each = whole.backgrounds.reshape(-1, *shape)[:, near].sum(axis=1)
    signal = UNIT / found.half_life * whole.signal.reshape(shape)[near].sum(axis=0)
    _lines(axes, whole.energy, each, signal, whole.names)
    for edge in reference.energy:
        axes.axvline(edge, color=DATA, lw=0.6, ls=":")
    axes.set_xlabel("visible energy, MeV")
    axes.set_ylabel(f"events per {1000 * np.diff(whole.energy)[0]:.0f} keV")


def draw_radii(axes: Axes, found: Sensitivity) -> None:
    """Events per shell in the reference's energies."""
    whole, reference = found.expected, found.experiment.reference
    shape = (len(whole.radius) - 1, len(whole.energy) - 1)
    middle = (whole.energy[1:] + whole.energy[:-1]) / 2
    chosen = (middle > reference.energy[0]) & (middle < reference.energy[1])
    each = whole.backgrounds.reshape(-1, *shape)[:, :, chosen].sum(axis=2)
    signal = UNIT / found.half_life * whole.signal.reshape(shape)[:, chosen].sum(axis=1)
    _lines(axes, (whole.radius / found.experiment.balloon) ** 3, each, signal, whole.names)
    axes.axvline((reference.radius / found.experiment.balloon) ** 3, color=DATA, lw=0.6, ls=":")
    axes.set_xlabel("cube of radius over balloon")
    axes.set_ylabel("events per shell")


def _lines(
    axes: Axes, edges: np.ndarray, each: np.ndarray, signal: np.ndarray, names: tuple[str, ...]
) -> None:
    """Backgrounds, those that are small together, their sum, and the signal."""
    order = np.argsort(-each.sum(axis=1), kind="stable")
    for place, i in enumerate(order[:LARGEST]):
        axes.stairs(each[i], edges, baseline=None, color=COLOURS[place], label=names[i])
    rest = each[order[LARGEST:]].sum(axis=0)
    if len(order) > LARGEST:
        axes.stairs(rest, edges, baseline=None, color=COLOURS[-1], ls="--", label="others")
    axes.stairs(each.sum(axis=0), edges, baseline=None, color=DATA, lw=1.4, label="all")
    axes.stairs(signal, edges, baseline=None, color=MODEL, lw=1.4, label="0nbb")
    axes.set_yscale("log")
    top = 2.0 * float(each.sum(axis=0).max())
    axes.set_ylim(top * 1e-5, top)


def limits(found: Sensitivity) -> str:
    """Limits of made-up data sets, and the expected one."""
    with drawing(FULL / 2, 2.9) as figure:
        axes = figure.subplots()
        axes.hist(np.log10(found.toys), bins=30, color=COLOURS[0])
        axes.axvline(np.log10(found.half_life), color=MODEL, label="expected")
        axes.axvline(np.log10(found.band[1]), color=DATA, ls="--", label="median")
        axes.set_xlabel("log10 of the excluded half-life in years")
        axes.set_ylabel("data sets")
        axes.legend()
        return embedded(figure, "Limits of made-up data sets")


def radii(found: Sensitivity) -> str:
    """Expected limits by the outermost radius."""
    with drawing(FULL / 2, 3.1) as figure:
        axes = figure.subplots()
        for i, scan in enumerate(found.radius_scans):
            label = f"{scan.rejected:.0%} of the film's events rejected"
            values = np.array(scan.half_lives) / UNIT
            axes.plot(scan.radii, values, "o-", ms=3, color=COLOURS[i], label=label)
            axes.plot(scan.radii, np.array(scan.volumes) / UNIT, "--", color=COLOURS[i])
        axes.set_xlabel("outermost radius, m")
        axes.set_ylabel("expected limit, 10²⁶ years")
        axes.legend()
        caption = "Dashed: events counted by energy alone, in one volume."
        return embedded(figure, "Expected limit by the outermost radius", caption)


def cuts(found: Sensitivity) -> str:
    """Expected limits by the share of the signal that a score's cut accepts."""
    with drawing(FULL / 2, 3.1) as figure:
        axes = figure.subplots()
        for i, scan in enumerate(found.cut_scans):
            accepted = [cut.accepted for cut in scan.cuts]
            values = np.array(scan.half_lives) / UNIT
            label = ", ".join(scan.backgrounds)
            axes.plot(accepted, values, color=COLOURS[i], label=label)
            axes.plot(accepted[scan.best], values[scan.best], "o", color=COLOURS[i])
            axes.axhline(scan.none / UNIT, color=COLOURS[i], lw=0.7, ls=":")
        axes.set_xlabel("signal accepted")
        axes.set_ylabel("expected limit, 10²⁶ years")
        axes.legend()
        return embedded(figure, "Expected limit by the cut", "Dotted: without the cut.")
