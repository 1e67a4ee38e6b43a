"""Tables and a figure of docs/studies.md, from what the four studies have written.

    python benchmarks/kamnet_studies.py --isotopes DIR [--more DIR] --multisite DIR --gammas DIR
        --conditions DIR [--model TEXT] [--other DIR TEXT]... [--beside DIR TEXT]...
        --write docs/studies.md --figure docs/studies.png

Each DIR is the --out of `kzcal study`; --more is that of a model trained on a set that the map of
gammas has chosen. --model says in words which model it was; --other is the study of isotopes by
another model, and words for that; --beside is any other study by such.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pages import table, write_part


def read(folder: Path) -> dict:
    """What a study found."""
    return json.loads((folder / "study.json").read_text())


def measured(value: float, error: float) -> str:
    """A value with its error."""
    return f"{value:.3f} ± {error:.3f}"


def correlations(found: dict, model: str) -> str:
    """How rejection goes with properties of the decays."""
    told = found["correlations"]
    rows = [
        (name, measured(value, told["error"][name]), f"{100 * told['strongest'][name]:.0f} %")
        for name, value in told["value"].items()
    ]
    strength = table(("property", "rank correlation", "strongest in"), rows)
    shares = [row["rejection"] for row in found["isotopes"]]
    mean = f"On average over the isotopes {np.mean(shares):.3f} is rejected."
    head = f"{model}, {found['inputs']['number']} events of each. {found['verdict']} {mean}"
    return f"{head}\n\n{strength}"


def isotopes(found: dict, more: dict | None, model: str) -> str:
    """Correlations, and the isotopes from the worst rejected to the best."""
    other = {} if more is None else {row["name"]: row for row in more["isotopes"]}
    rows = [
        (
            row["name"],
            measured(row["rejection"], row["error"]),
            *([_with(other.get(row["name"]))] if other else []),
            f"{row['q_value']:.2f}",
            f"{row['photons']:.2f}",
            f"{row['photon_energy']:.2f}",
        )
        for row in found["isotopes"]
    ]
    head = ("isotope", "rejected", *(["with sets of gammas"] if other else []))
    listed = table((*head, "Q, MeV", "photons", "photon, MeV"), rows)
    parts = [correlations(found, model), listed]
    if other:
        parts.append(_improved(found, other))
    return "\n\n".join(parts)


def _with(row: dict | None) -> str:
    return "" if row is None else measured(row["rejection"], row["error"])


def _improved(found: dict, other: dict) -> str:
    """What training on sets of gammas changes of the isotopes rejected worst."""
    worst = [row for row in found["isotopes"] if row["name"] in other][:8]
    before = np.array([row["rejection"] for row in worst])
    after = np.array([other[row["name"]]["rejection"] for row in worst])
    errors = np.array([row["error"] for row in worst])
    error = float(np.sqrt((errors**2).sum())) / len(worst)
    return (
        f"A training with sets of gammas beside, chosen by the map below, takes the "
        f"{len(worst)} isotopes that are rejected worst from {before.mean():.3f} to "
        f"{after.mean():.3f} on average, of the same events (each ± {error:.3f}). These "
        f"{len(worst)} are the lowest of {len(found['isotopes'])} noisy values, so that the first "
        f"mean is too low by chance."
    )


def multisite(found: dict, model: str) -> str:
    """Areas and correlation."""
    rows = [(name, measured(*pair)) for name, pair in found["areas"].items()]
    counts = f"{found['single']} single-site and {found['multi']} multi-site gammas"
    return f"{model}: {counts}. {found['verdict']}\n\n{table(('model', 'area'), rows)}"


def gammas(found: dict, model: str) -> str:
    """Share rejected by number and energy."""
    energies = sorted({row["energy"] for row in found["sets"]})
    share = {
        (row["number"], row["energy"]): measured(row["rejection"], row["error"])
        for row in found["sets"]
    }
    numbers = sorted({number for number, _ in share})
    rows = [(f"{n}", *(share.get((n, energy), "") for energy in energies)) for n in numbers]
    head = ("gammas", *(f"{energy:g} MeV" for energy in energies))
    total = f"{found['total_mev']:.2f} MeV in all"
    return f"{model}, {total}: share rejected.\n\n{table(head, rows)}"


def conditions(found: dict, model: str) -> str:
    """Spread over replicas, and dead PMTs."""
    rows = [
        (row["name"], *(f"{row[key]:.3f}" for key in ("accepted", "rejected", "rejected_anew")))
        for row in found["dead"]
    ]
    head = ("condition", "signal accepted", "rejected", "with its own threshold")
    spread = [
        f"{words} spreads by {found[key]:.3f}"
        for words, key in (
            ("acceptance", "acceptance_spread"),
            ("rejection by the fixed threshold", "systematic_fixed"),
            ("rejection by its own threshold", "systematic"),
        )
        if found[key] is not None
    ]
    told = f"Over {len(found['replicas'])} replicas {', '.join(spread)}."
    return f"{model}, {found['inputs']['number']} events of each. {told}\n\n{table(head, rows)}"


def draw(isotopes: dict, gammas: dict, path: Path) -> None:
    """Isotopes against the mean photon energy, and the map of gammas."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = isotopes["isotopes"]
    energy, share = ([row[key] for row in rows] for key in ("photon_energy", "rejection"))
    left.errorbar(energy, share, [row["error"] for row in rows], fmt="o", ms=3, lw=0.8)
    for row in rows:
        place = (row["photon_energy"], row["rejection"])
        left.annotate(row["name"], place, (3, 2), textcoords="offset points", fontsize=7)
    left.set_xlabel("mean photon energy, MeV")
    left.set_ylabel("share rejected at 90 % acceptance")
    for number in sorted({row["number"] for row in gammas["sets"]}):
        own = [row for row in gammas["sets"] if row["number"] == number]
        columns = ([row[key] for row in own] for key in ("energy", "rejection", "error"))
        right.errorbar(*columns, fmt="o-", ms=3, label=f"{number}")
    right.set_xlabel("energy of a gamma, MeV")
    right.legend(title="gammas")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Write the page's parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("isotopes", "multisite", "gammas", "conditions", "write", "figure"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--other", nargs=2, action="append", default=[], metavar=("DIR", "TEXT"))
    parser.add_argument("--beside", nargs=2, action="append", default=[], metavar=("DIR", "TEXT"))
    parser.add_argument("--model", default="A trained model")
    given = parser.parse_args()
    found = {
        name: read(getattr(given, name))
        for name in ("isotopes", "multisite", "gammas", "conditions")
    }
    more = None if given.more is None else read(given.more)
    parts = [isotopes(found["isotopes"], more, given.model)]
    parts += [correlations(read(Path(folder)), text) for folder, text in given.other]
    write_part(given.write, "isotopes", "\n\n".join(parts))
    tell = {"multisite": multisite, "gammas": gammas, "conditions": conditions}
    told = {name: [words(found[name], given.model)] for name, words in tell.items()}
    for folder, text in given.beside:
        study = read(Path(folder))
        told[study["study"]].append(tell[study["study"]](study, text))
    for name, texts in told.items():
        write_part(given.write, name, "\n\n".join(texts))
    draw(found["isotopes"], found["gammas"], given.figure)


if __name__ == "__main__":
    main()
