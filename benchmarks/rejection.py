"""Combined rejection: against exact optima, and of simulated decays with hits and showers.

    python benchmarks/rejection.py laws --write docs/rejection.md
    python benchmarks/rejection.py joint --pairs pairs.h5 --scores kamnet=k.csv pointnet=p.csv
        --match energy --write docs/rejection.md --figure docs/rejection.png --json rejection.json

    python benchmarks/rejection.py scan --pairs pairs.h5 --scores kamnet=k.csv pointnet=p.csv
        --match energy --others more=pairs2.h5,p2.csv --write docs/rejection.md --json DIR

laws: pairs of Gaussian scores, whose likelihood ratio is known. joint: candidates that both
classifiers scored, as `kzcal combine` takes them. scan: other showers, for which the second
score is made anew; its decays and those of the joint sample go in pairs of the same isotope and
nearly the same energy, and each gives one score. That holds as far as scores are independent for
each isotope and energy.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pages import table, write_part
from scipy.optimize import linear_sum_assignment

from kzcal.calibrate.report.digits import measured
from kzcal.cli.output import plain
from kzcal.evaluate.config import EvaluationConfig
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.dependence import Column
from kzcal.evaluate.scored import ScoreFiles
from kzcal.io.candidates import read_candidates
from kzcal.rejection.combination import Combination, combine
from kzcal.rejection.matching import matched
from kzcal.rejection.material import Material

CASES = (
    ("independent", (1.0, 1.5), 0.0, 0.0),
    ("correlated alike", (1.0, 0.2), 0.8, 0.8),
    ("correlated in the background", (1.0, 1.0), 0.0, 0.8),
    ("correlated oppositely", (0.5, 0.5), 0.6, -0.6),
)
"""Name, distance of the means in either score, correlation in signal and background."""
CUTS = (0.8, 0.9, 0.95)


def gaussian(
    apart: tuple[float, float],
    inside: float,
    outside: float,
    n: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of n events of either class, which are signal, and their exact log ratio."""
    signal = np.arange(2 * n) < n
    covariances = [np.array([[1.0, rho], [rho, 1.0]]) for rho in (inside, outside)]
    scores = np.concatenate([
        generator.multivariate_normal(apart, covariances[0], n),
        generator.multivariate_normal([0.0, 0.0], covariances[1], n),
    ]).T  # fmt: skip
    logs = []
    for mean, covariance in zip((np.array(apart), np.zeros(2)), covariances, strict=True):
        away = scores - mean[:, None]
        square = np.einsum("ie,ij,je->e", away, np.linalg.inv(covariance), away)
        logs.append(-0.5 * square - 0.5 * np.log(np.linalg.det(covariance)))
    return scores, signal, logs[0] - logs[1]


def material(scores: np.ndarray, signal: np.ndarray) -> Material:
    """Events of two scores and nothing else."""
    n = len(signal)
    number = np.arange(n)
    none = np.full(n, "")
    run = np.zeros(n, np.int64)
    names = ("first", "second")
    return Material(names, scores, number, run, signal, ~signal, none, (), (n,), number)


def laws(n: int) -> str:
    """Rejection at 90 % by each way to combine, and by the exact ratio."""
    rows = []
    for name, *law in CASES:
        scores, signal, exact = gaussian(*law, n, np.random.default_rng(1))
        config = EvaluationConfig(draws=200)
        best = float(Ranking.of(exact, signal).curve().rejection(np.array([0.9]))[0])
        found = {
            method: combine(material(scores, signal), config, method=method)
            for method in ("product", "logistic", "joint")
        }
        taken = combine(material(scores, signal), config)
        rejected = taken.evaluation.rejections
        cut = config.cuts.index(0.9)
        each = [measured(rejected.values[i, cut], rejected.errors[i, cut]) for i in (1, 2)]
        single = [float(found[m].evaluation.rejections.values[0, cut]) for m in found]
        rows.append((name, *each, *single, taken.method, f"{best:.3f}"))
    head = ("scores", "first alone", "second alone", "product", "logistic", "joint", "auto takes")
    told = f"{n} events of each class; background rejected at 90 % of the signal."
    return table((*head, "exact ratio"), rows) + f"\n\n{told}"


def joint(pairs: list[Path], scores: list[str], match: str | None) -> tuple[Combination, Material]:
    """The combination of real scores."""
    files = [ScoreFiles.parsed(text, len(pairs)) for text in scores]
    candidates = [read_candidates(path) for path in pairs]
    whole = Material.of(candidates, files, ("xe136",), ("long-lived",))
    if match:
        whole = matched(whole, match, generator=np.random.default_rng([1, 12]))
    return combine(whole, EvaluationConfig(acceptances=CUTS)), whole


def told(found: Combination) -> str:
    """Rejections, correlations and isotopes as Markdown."""
    evaluation = found.evaluation
    names, rejected = evaluation.scored.names, evaluation.rejections
    values, errors = rejected.values, rejected.errors
    rows = [
        [
            name,
            *(measured(*pair) for pair in zip(values[i], errors[i], strict=True)),
            measured(evaluation.areas.values[i], evaluation.areas.errors[i]),
        ]
        for i, name in enumerate(names)
    ]
    head = ["score", *(f"rejected at {cut:.0%}" for cut in rejected.acceptance), "area"]
    cut = evaluation.config.cuts.index(0.9)
    more = [
        f"{names[0]} less {names[i]}: "
        + measured(*(float(x[cut]) for x in rejected.difference(0, i)))
        for i in range(1, len(names))
    ]
    n_signal = int(evaluation.scored.signal.sum())
    counts = (
        f"{n_signal} decays of 136Xe and {len(evaluation.scored.signal) - n_signal} long-lived"
    )
    shared = [
        (f"{c.first}, {c.second}", c.kind, measured(c.value, c.error)) for c in found.correlations
    ]
    losses = [
        (one.name, f"{one.mean:.4f}", "{:.4f} ± {:.4f}".format(*one.worse(found.methods[0])))
        for one in found.methods
    ]
    parts = [
        table(head, rows),
        f"{counts}; taken: {found.method}. At 90 %: {'; '.join(more)}.",
        table(("scores", "class", "rank correlation"), shared),
        table(("method", "loss, nat", "larger by"), losses),
    ]
    if found.isotopes:
        isotopes = [
            (one.name, one.n, *(measured(share.value, share.error) for share in one.rejected))
            for one in found.isotopes
            if one.n >= 30
        ]
        parts.append(table(("isotope", "decays", *names), isotopes))
        parts.append("Rejected at 90 % of the signal; isotopes with 30 decays and more.")
    return "\n\n".join(parts)


def partners(own: Material, other: Material) -> tuple[np.ndarray, np.ndarray]:
    """Decays of either sample that stand for each other: same class and isotope, energies alike.

    Each is in one pair alone, so that a pair is as good as a decay to whoever counts them.
    """
    pairs = []
    for ours, theirs in ((own.signal, other.signal), (own.background, other.background)):
        for name in np.unique(own.isotope[ours].astype(str)):
            rows = np.flatnonzero(ours & (own.isotope.astype(str) == name))
            columns = np.flatnonzero(theirs & (other.isotope.astype(str) == name))
            apart = np.abs(energy(own)[rows, None] - energy(other)[None, columns])
            pairs.append([one[i] for one, i in zip((rows, columns), assigned(apart), strict=True)])
    first, second = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    return first, second


def assigned(apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of the smallest sum of distances."""
    rows, columns = linear_sum_assignment(apart)
    return rows, columns


def energy(material: Material) -> np.ndarray:
    """Of each candidate, MeV."""
    return next(column.values for column in material.columns if column.name == "energy")


def scan(own: Material, others: list[str], match: str | None, folder: Path | None) -> str:
    """Rejections at 90 % for other showers."""
    rows, apart = [], 0.0
    for text in others:
        name, _, files = text.partition("=")
        pairs, scores = (Path(part) for part in files.split(","))
        candidates = read_candidates(pairs)
        single = ScoreFiles("again", (scores,)), ScoreFiles(own.names[1], (scores,))
        other = Material.of([candidates], single, ("xe136",), ("long-lived",))
        first, second = partners(own, other)
        apart = max(apart, float(np.abs(energy(own)[first] - energy(other)[second]).mean()))
        whole = replace(
            material(np.array([own.scores[0, first], other.scores[1, second]]), own.signal[first]),
            names=own.names,
            isotope=own.isotope[first],
            columns=(Column("energy", "MeV", energy(own)[first]),),
        )
        if match:
            whole = matched(whole, match, generator=np.random.default_rng([1, 12]))
        found = combine(whole, EvaluationConfig(acceptances=CUTS, draws=300))
        rejected, cut = found.evaluation.rejections, CUTS.index(0.9)
        each = [
            measured(rejected.values[i, cut], rejected.errors[i, cut])
            for i in range(len(rejected.values))
        ]
        rows.append((name, int(whole.signal.sum()), *each, found.method))
        if folder:
            told = json.dumps(plain(found.as_dict()), indent=2) + "\n"
            (folder / f"{name.replace(' ', '_')}.json").write_text(told)
    head = ("showers", "decays of each class", "combined", *own.names, "taken")
    note = f"energies of a pair are {1000 * apart:.1f} keV apart on the average, or less"
    return table(head, rows) + f"\n\nBackground rejected at 90 % of the signal; {note}."


def figure(path: Path, found: Combination) -> None:
    """Rejection against acceptance of every score."""
    drawn = Figure(figsize=(6.0, 4.2), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = drawn.subplots()
    scored = found.evaluation.scored
    grid = np.linspace(0.3, 1.0, 141)
    for name, score in zip(scored.names, scored.scores, strict=True):
        axes.plot(grid, Ranking.of(score, scored.signal).curve().rejection(grid), label=name)
    axes.axvline(0.9, color="0.5", lw=0.7, ls=":")
    axes.set_xlabel("decays of 136Xe accepted")
    axes.set_ylabel("long-lived decays rejected")
    axes.set_ylim(0, 1)
    axes.legend()
    drawn.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("laws", "joint", "scan"))
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--pairs", type=Path, nargs="+")
    parser.add_argument("--scores", nargs="+")
    parser.add_argument("--match")
    parser.add_argument("--others", nargs="+", default=[])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.what == "laws":
        markdown = laws(given.events)
    elif given.what == "scan":
        _, own = joint(given.pairs, given.scores, given.match)
        markdown = scan(own, given.others, given.match, given.json)
    else:
        found, _ = joint(given.pairs, given.scores, given.match)
        markdown = told(found)
        if given.figure:
            figure(given.figure, found)
        if given.json:
            given.json.write_text(json.dumps(plain(found.as_dict()), indent=2) + "\n")
    print(markdown)
    if given.write:
        write_part(given.write, f"rejection_{given.what}", markdown)


if __name__ == "__main__":
    main()
