"""Freeze photon cross-sections and form factors in kzcal/physics/data/photons.npz.

    python benchmarks/compile_cross_sections.py XCOM_FOLDER

XCOM_FOLDER holds xcom_compton.data, xcom_photo.data, xcom_pair.data, xcom_triplet.data and
xcom_rayleigh.data: for each element from hydrogen on, the number of points, then pairs of the
logarithms of energy [MeV] and cross-section [barn per atom]. Their numbers are NIST XCOM
(Berger et al., NIST Standard Reference Database 8). Incoherent scattering functions, Rayleigh
form factors and the K shell of xenon are those of xraylib (Schoonjans et al. (2011),
doi:10.1016/j.sab.2011.09.011), which must be installed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import xraylib

ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8, "Xe": 54}
PROCESSES = ("compton", "photo", "pair", "triplet", "rayleigh")
LIMITS_MEV = (0.9e-3, 21.0)
TRANSFER = np.geomspace(1e-3, 60.0, 240)
"""x = sin(angle / 2) / wavelength, 1/angstrom."""
K_SHARE_AT_KEV = 60.0
TARGET = Path(__file__).resolve().parents[1] / "kzcal" / "physics" / "data" / "photons.npz"


def elements_of(path: Path) -> list[np.ndarray]:
    """The table (energy, cross-section) of every element in a file."""
    numbers = path.read_text().split()
    tables = []
    while numbers:
        end = 1 + 2 * int(numbers[0])
        tables.append(np.exp(np.array(numbers[1:end], float)).reshape(-1, 2))
        numbers = numbers[end:]
    return tables


def xenon_k_shell() -> np.ndarray:
    """Energy of the edge [MeV], K share of the photo-effect, yield, then lines and intensities."""
    edge = xraylib.EdgeEnergy(54, xraylib.K_SHELL) / 1000
    of_k = xraylib.CS_Photo_Partial(54, xraylib.K_SHELL, K_SHARE_AT_KEV)
    share = of_k / xraylib.CS_Photo(54, K_SHARE_AT_KEV)
    lines = [xraylib.KL3_LINE, xraylib.KL2_LINE, xraylib.KM3_LINE, xraylib.KN3_LINE]
    families = [1.0, 1.0, 1.5, 1.5]  # KM3 and KN3 stand for KM2 and KN2, half as strong
    energies = [xraylib.LineEnergy(54, line) / 1000 for line in lines]
    rates = np.array([xraylib.RadRate(54, line) for line in lines]) * families
    fluorescence = xraylib.FluorYield(54, xraylib.K_SHELL)
    return np.array([edge, share, fluorescence, *energies, *(rates / rates.sum())])


def main() -> None:
    """Read, cut and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    arrays = {"transfer": TRANSFER, "xenon_k_shell": xenon_k_shell()}
    for process in PROCESSES:
        tables = elements_of(folder / f"xcom_{process}.data")
        for symbol, number in ELEMENTS.items():
            table = tables[number - 1]
            inside = (table[:, 0] > LIMITS_MEV[0]) & (table[:, 0] < LIMITS_MEV[1])
            arrays[f"{symbol}_{process}"] = table[inside]
    for symbol, number in ELEMENTS.items():
        arrays[f"{symbol}_incoherent"] = np.array([xraylib.SF_Compt(number, x) for x in TRANSFER])
        arrays[f"{symbol}_form_factor"] = np.array([xraylib.FF_Rayl(number, x) for x in TRANSFER])
    np.savez_compressed(TARGET, **arrays)


if __name__ == "__main__":
    main()
