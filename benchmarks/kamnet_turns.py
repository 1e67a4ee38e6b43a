"""What a rectifier and its quadratic part do to a function of rotations that is turned, by grid.

    python benchmarks/kamnet_turns.py [--write docs/kamnet_turns.png]

Functions of unit variance up to degree 13, as between the first two spherical convolutions of
KamNet, are rectified on grids of more and more angles and kept up to degree 9; once after turning
them, once before. The root mean square of the difference, in units of the result's, is what a
rotation of the event changes. 28 angles are the published grid.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import torch
from kzcal_kamnet.convolutions import CONSTANT, SQUARE
from kzcal_kamnet.grid import Transform
from kzcal_kamnet.rotations import n_rows, turns, wigner
from torch import Tensor

BEFORE, AFTER = 13, 9
PUBLISHED = 28
GRIDS = (24, 28, 32, 34, 36, 40, 48, 56, 72)
CHANNELS = 12


def turned(spectrum: Tensor, turn: Tensor, degree: int) -> Tensor:
    """The function of an event that is turned."""
    found = []
    for at, (d,) in enumerate(wigner(turn, degree)):
        own = spectrum[n_rows(at - 1) : n_rows(at)].view(2 * at + 1, 2 * at + 1, 1, -1)
        found.append(torch.einsum("mk,knec->mnec", d, own).flatten(0, 1))
    return torch.cat(found)


def quadratic(values: Tensor) -> Tensor:
    """The part of a rectifier of degree two for normal numbers."""
    return CONSTANT - SQUARE + 0.5 * values + SQUARE * values**2


def change(bend: Callable[[Tensor], Tensor], n_angle: int) -> float:
    """How far turning after and turning before bending are apart, relative."""
    generator = torch.Generator().manual_seed(1)
    spectrum = torch.randn(n_rows(BEFORE), 1, CHANNELS, generator=generator)
    spectrum /= math.sqrt(len(spectrum))
    turn = turns(*(torch.tensor([angle]) for angle in (0.4, 1.1, -2.0)))
    before = Transform(BEFORE, n_angle, (n_angle + 1) // 2)
    after = Transform(AFTER, n_angle, (n_angle + 1) // 2)
    late = turned(after.coefficients(bend(before.values(spectrum))), turn, AFTER)
    early = after.coefficients(bend(before.values(turned(spectrum, turn, BEFORE))))
    return float((late - early).norm() / late[1:].norm())


def draw(page: Path) -> None:
    """The figure."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    kinds = {"max(x, 0)": (torch.relu, "o", "tab:red"), "quadratic part": (quadratic, "s", "k")}
    for name, (bend, marker, colour) in kinds.items():
        found = [change(bend, n) for n in GRIDS]
        axes.semilogy(GRIDS, found, marker=marker, color=colour, label=name)
    axes.axvline(PUBLISHED, color="tab:red", linestyle=":", label="published grid")
    axes.axvline(2 * BEFORE + AFTER + 1, color="k", linestyle=":", label="grid of `paper`")
    axes.set_xlabel("values of alpha and of gamma")
    axes.set_ylabel("relative change by a turn")
    axes.legend(frameon=False)
    figure.savefig(page, dpi=150)


def main() -> None:
    """Print the changes, or draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    if chosen.write:
        draw(chosen.write)
        return
    for n in GRIDS:
        print(f"{n} angles: rectifier {change(torch.relu, n):.1e}, {change(quadratic, n):.1e}")


if __name__ == "__main__":
    main()
