"""Cross-sections of photons in the materials of a detector, as tables that a kernel can read.

Source: NIST XCOM, Berger et al., NIST Standard Reference Database 8 (Compton, photo-effect,
    pairs, triplets, Rayleigh); incoherent scattering functions, form factors and the K shell of
    xenon from xraylib, Schoonjans et al. (2011), doi:10.1016/j.sab.2011.09.011. Compiled by
    benchmarks/compile_cross_sections.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from kzcal.geometry.compositions import Composition

BARN = 1e-24
LOWEST_MEV, HIGHEST_MEV = 1e-3, 20.0
N_ENERGY = 4096
N_TRANSFER = 2048
COMPTON, RAYLEIGH, PHOTO, XENON_PHOTO, PAIR = range(5)
"""What a photon may do; photo-effects in xenon are told apart for its K X-rays."""

Table = Mapping[str, Float64[np.ndarray, "..."]]


class PhotonTables(NamedTuple):
    """Cross-sections of all media of a detector, by medium; a tuple because kernels read it.

    Energies are ``LOWEST_MEV`` to ``HIGHEST_MEV`` in even steps of their logarithm; momentum
    transfers are x = sin(angle / 2) / wavelength in even steps of ln(x squared).

    Args:
        per_metre: interactions of all kinds.
        cumulative: share of Compton, Rayleigh, photo-effect and xenon photo-effect, each with
            those before it; the rest are pairs.
        first: first ln(x squared), x in 1/angstrom.
        last: last ln(x squared).
        incoherent: Compton scattering off bound electrons over free ones.
        form_factor: integral of the squared form factor over x squared, 1 at the last.
        xenon_edge: binding energy of the K shell, MeV.
        xenon_x_ray: probability that a photo-effect above the edge is followed by a K X-ray.
        xenon_line: energies of the X-rays, MeV.
        xenon_cumulative: probability of each line and those before it.
    """

    per_metre: Float64[np.ndarray, "medium energy"]
    cumulative: Float64[np.ndarray, "medium energy 4"]
    first: float
    last: float
    incoherent: Float64[np.ndarray, "medium transfer"]
    form_factor: Float64[np.ndarray, "medium transfer"]
    xenon_edge: float
    xenon_x_ray: float
    xenon_line: Float64[np.ndarray, " line"]
    xenon_cumulative: Float64[np.ndarray, " line"]


def frozen_tables() -> dict[str, Float64[np.ndarray, "..."]]:
    """The numbers of the package's own file."""
    with np.load(Path(__file__).parent / "data" / "photons.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def photon_tables(materials: Sequence[Composition]) -> PhotonTables:
    """Tables of a detector's media.

    Args:
        materials: composition of each medium.
    """
    frozen = frozen_tables()
    energy = np.geomspace(LOWEST_MEV, HIGHEST_MEV, N_ENERGY)
    shares = np.stack([partial_coefficients(frozen, m, energy) for m in materials])
    total = shares.sum(axis=2)
    density = np.array([material.density for material in materials])
    first, last = (2 * math.log(float(x)) for x in frozen["transfer"][[0, -1]])
    x = np.exp(0.5 * np.linspace(first, last, N_TRANSFER))
    edge, k_share, fluorescence = (float(number) for number in frozen["xenon_k_shell"][:3])
    lines, rates = frozen["xenon_k_shell"][3:].reshape(2, -1)
    return PhotonTables(
        per_metre=100 * density[:, None] * total,
        cumulative=np.cumsum(shares[..., :PAIR], axis=2) / total[..., None],
        first=first,
        last=last,
        incoherent=np.stack([_incoherent(frozen, m, x) for m in materials]),
        form_factor=np.stack([_form_factor(frozen, m, x) for m in materials]),
        xenon_edge=edge,
        xenon_x_ray=k_share * fluorescence,
        xenon_line=lines.copy(),
        xenon_cumulative=np.cumsum(rates),
    )


def partial_coefficients(
    frozen: Table, material: Composition, energy: Float64[np.ndarray, " energy"]
) -> Float64[np.ndarray, "energy 5"]:
    """Mass attenuation by Compton, Rayleigh, photo-effect, xenon photo-effect and pairs, cm2/g.

    Args:
        frozen: the numbers of the package's own file.
        material: what the photon crosses.
        energy: of the photon, MeV.
    """
    columns = np.zeros((len(energy), 5))
    for symbol, atoms in zip(material.elements, material.atoms_per_gram, strict=True):
        photo = XENON_PHOTO if symbol == "Xe" else PHOTO
        for process, column in (
            ("compton", COMPTON),
            ("rayleigh", RAYLEIGH),
            ("photo", photo),
            ("pair", PAIR),
            ("triplet", PAIR),
        ):
            columns[:, column] += atoms * BARN * _cross_section(frozen, symbol, process, energy)
    return columns


def _cross_section(
    frozen: Table, symbol: str, process: str, energy: Float64[np.ndarray, " energy"]
) -> Float64[np.ndarray, " energy"]:
    """Barn per atom, linear between the logarithms of XCOM's points, zero below the first."""
    nodes, barns = frozen[f"{symbol}_{process}"].T
    value = np.exp(np.interp(np.log(energy), np.log(nodes), np.log(barns)))
    threshold = process in ("pair", "triplet")
    return np.where(energy < nodes[0], 0.0, value) if threshold else value


def _incoherent(
    frozen: Table, material: Composition, x: Float64[np.ndarray, " transfer"]
) -> Float64[np.ndarray, " transfer"]:
    """Incoherent scattering function of a mixture over its electrons."""
    per_gram = material.atoms_per_gram
    functions = [frozen[f"{symbol}_incoherent"] for symbol in material.elements]
    mixture = sum(n * f for n, f in zip(per_gram, functions, strict=True))
    share = mixture / material.electrons_per_gram
    function = np.exp(np.interp(np.log(x), np.log(frozen["transfer"]), np.log(share)))
    bound: Float64[np.ndarray, " transfer"] = np.minimum(function, 1)
    return bound


def _form_factor(
    frozen: Table, material: Composition, x: Float64[np.ndarray, " transfer"]
) -> Float64[np.ndarray, " transfer"]:
    """Integral of the squared form factor of a mixture over x squared, 1/angstrom2 per gram."""
    per_gram = material.atoms_per_gram
    factors = [frozen[f"{symbol}_form_factor"] for symbol in material.elements]
    squared = sum(n * f**2 for n, f in zip(per_gram, factors, strict=True))
    density = np.exp(np.interp(np.log(x), np.log(frozen["transfer"]), np.log(squared)))
    slices = 0.5 * (density[1:] + density[:-1]) * np.diff(x**2)
    integral = density[0] * x[0] ** 2 + np.concatenate([[0.0], np.cumsum(slices)])
    share: Float64[np.ndarray, " transfer"] = integral / integral[-1]
    return share
