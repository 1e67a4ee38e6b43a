"""What boosted trees on antineutrino pairs reach: tables and figure of a page.

    python benchmarks/ibd_bdt.py --learn ibd_learn.h5 off_time.h5 --judge ibd.h5 accidental.h5
        --off-time off_time.h5 --times 20 --ibd 0.19 --work models/ [--scores]

--learn are files of candidates to learn from, --judge others to be judged by, both with pairs of
the kinds ibd and accidental. Single events of --off-time were simulated --times as often as they
come, so that their pairs are as many times its square. With --scores their scores of the prompt
event are inputs too. Models are trained, and pairs scored, by `kzcal train` and `kzcal score`
below --work.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kzcal_bdt.importance import importance
from kzcal_bdt.model import opened_trees
from kzcal_bdt.off_time import off_time_rate
from kzcal_bdt.working_point import Rates, WorkingPoint, balanced_accuracy, working_point
from pages import table, write_part
from scipy.stats import spearmanr

from kzcal.calibrate.report.digits import measured
from kzcal.calibrate.report.picture import drawing
from kzcal.candidates import joined
from kzcal.cli.main import main as kzcal
from kzcal.evaluate.area import areas, chance
from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.reliability import reliability
from kzcal.evaluate.resampling import rejections
from kzcal.io.candidates import read_candidates
from kzcal.io.scores import read_scores

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "antineutrinos.md"
DRAWS, CUTS = 300, (0.9, 0.99)
GEO_MEV, FEWEST = 2.6, 5
COLOURS = ("#20639b", "#d1701c", "#3c8d5a", "#7d5ba6")
STEPS = 800
CONFIG = "validate_steps = 25\n"


@dataclass(frozen=True)
class Model:
    """A model to train.

    Args:
        name: in the tables.
        classifier: of `kzcal train`.
        options: on its command line.
    """

    name: str
    classifier: str
    options: tuple[str, ...] = ()

    def scores(
        self, learn: Sequence[Path], judge: Sequence[Path], work: Path
    ) -> tuple[np.ndarray, float]:
        """Train it if that is not done; scores of the pairs to judge by, and seconds of training.

        Seconds are of processor time, zero for a model that was there.
        """
        folder, seconds = work / self.name.replace(" ", "-"), 0.0
        if not (folder / "model.toml").exists():
            (work / "training.toml").write_text(CONFIG)
            words = ["train", self.classifier, *map(str, learn), "--out", str(folder)]
            words += ["--signal", "ibd", "--background", "accidental", "--steps", str(STEPS)]
            words += ["--match", "none", "--config", str(work / "training.toml"), *self.options]
            start = time.process_time()
            kzcal(words, standalone_mode=False)
            seconds = time.process_time() - start
        found = []
        for path in judge:
            out = folder / f"{path.stem}.csv"
            kzcal(["score", str(folder), str(path), "--out", str(out)], standalone_mode=False)
            found.append(read_scores(out, read_candidates(path).event))
        return np.concatenate(found), seconds


def accuracy_rows(
    models: Sequence[Model], scores: np.ndarray, signal: np.ndarray, geo: np.ndarray
) -> list[list[object]]:
    """A row per model: accuracy, area, rejections and how far its scores are logits."""
    area = areas(scores, signal)
    generator = np.random.default_rng(1)
    rejected = rejections(scores, signal, CUTS, draws=DRAWS, generator=generator)
    rows: list[list[object]] = []
    for i, (model, score) in enumerate(zip(models, scores, strict=True)):
        found = [balanced_accuracy(score[some], signal[some]) for some in (np.ones_like(geo), geo)]
        stated = reliability(score, signal, bins=15, draws=DRAWS, generator=generator)
        less, error = area.difference(i, 0)
        rows.append(
            [
                model.name,
                *(percent(one.value, one.error) for one in found),
                measured(float(area.values[i]), float(area.errors[i])),
                "" if i == 0 else f"{less:+.5f} ± {error:.5f} (p = {chance(less, error):.2g})",
                *(
                    percent(float(v), float(e))
                    for v, e in zip(rejected.values[i], rejected.errors[i], strict=True)
                ),
                f"{stated.calibration_error:.4f} ({stated.expected:.4f})",
            ]
        )
    return rows


def prior_rows(
    models: Sequence[Model], scores: np.ndarray, signal: np.ndarray, rates: Rates
) -> list[list[object]]:
    """A row per model: what the best threshold keeps at the rates of a run."""
    whole = WorkingPoint(-np.inf, 1.0, 1.0, rates)
    rows: list[list[object]] = [["no cut", "", "100 %", percent(whole.purity, 0.0)]]
    rows[0] += [f"{whole.accidental:.4f}", f"{whole.merit:.4f}"]
    for model, score in zip(models, scores, strict=True):
        generator = np.random.default_rng(2)
        found = working_point(score, signal, rates, draws=DRAWS, generator=generator)
        point, (efficiency, purity, merit) = found.point, found.errors
        rows.append(
            [
                model.name,
                f"{point.threshold:.2f}",
                percent(point.efficiency, efficiency),
                percent(point.purity, purity),
                f"{point.accidental:.4f}",
                measured(point.merit, merit),
            ]
        )
    return rows


def prior_text(
    models: Sequence[Model], scores: np.ndarray, signal: np.ndarray, geo: np.ndarray, rates: Rates
) -> str:
    """Tables of all pairs, and of those with the prompt energies of geoneutrinos."""
    head = ["", "threshold", "efficiency", "purity", "accidental/day", "S / √(S + B) of a day"]
    parts = []
    every = ("All pairs", np.ones_like(geo)), (f"Prompt energies below {GEO_MEV} MeV", geo)
    for what, some in every:
        shares = [float(some[chosen].mean()) for chosen in (signal, ~signal)]
        part = Rates(rates.signal * shares[0], rates.accidental * shares[1])
        told = f"{part.signal:.3g} antineutrinos, {part.accidental:.3g} accidental pairs per day"
        rows = prior_rows(models, scores[:, some], signal[some], part)
        parts.append(f"{what}, {told}:\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def percent(value: float, error: float) -> str:
    """A share with its error in per cent."""
    return f"{measured(100 * value, 100 * error)} %"


def draw(models: Sequence[Model], scores: np.ndarray, signal: np.ndarray, path: Path) -> None:
    """Accidentals kept against antineutrinos lost, and the odds against what the score states."""
    with drawing(9.0, 3.8) as figure:
        curves, odds = figure.subplots(1, 2)
        odds.plot([-7, 7], [-7, 7], color="0.7", lw=0.8)
        for model, score, colour in zip(models, scores, COLOURS, strict=False):
            curve = Ranking.of(score, signal).curve()
            curves.plot(1 - curve.accepted, curve.passed, color=colour, label=model.name)
            stated, n_signal, n_accidental = counted_odds(score, signal)
            found = np.log(n_signal / n_accidental * (~signal).sum() / signal.sum())
            error = np.sqrt(1 / n_signal + 1 / n_accidental)
            odds.errorbar(stated, found, error, fmt=".", ms=5, color=colour, lw=0.8)
        curves.set(xscale="log", yscale="log", xlim=(1e-3, 1), ylim=(1e-4, 1))
        curves.set_xlabel("antineutrinos lost")
        curves.set_ylabel("accidental pairs kept")
        curves.legend()
        odds.set_xlabel("score")
        odds.set_ylabel("log of the odds that pairs have, classes equal")
        figure.savefig(path)


def counted_odds(
    score: np.ndarray, signal: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean score and number of pairs of either class, in bins that hold some of both."""
    edges = np.arange(-7.0, 7.1, 1.0)
    total = np.histogram(score, edges, weights=score)[0]
    n_signal, n_accidental = (np.histogram(score[c], edges)[0] for c in (signal, ~signal))
    both = (n_signal >= FEWEST) & (n_accidental >= FEWEST)
    middle = total[both] / (n_signal + n_accidental)[both]
    return middle, n_signal[both], n_accidental[both]


def held_out(model: Path) -> str:
    """How many of the pairs that a training was given it did not learn from."""
    told = tomllib.loads((model / "model.toml").read_text())["training"]
    return (
        f"of which {told['n_signal']:,} and {told['n_background']:,} chose the number of trees "
        "and the others were learned from"
    )


def main() -> None:
    """Write the classifiers' parts of docs/antineutrinos.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learn", type=Path, nargs="+", required=True)
    parser.add_argument("--judge", type=Path, nargs="+", required=True)
    parser.add_argument("--off-time", type=Path, required=True)
    parser.add_argument("--times", type=float, default=1.0)
    parser.add_argument("--ibd", type=float, required=True, help="antineutrinos per day")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scores", action="store_true")
    given = parser.parse_args()
    models = [
        Model("trees", "bdt"),
        Model("free trees", "bdt", ("--monotone", "0")),
        Model("likelihood ratio", "pair-likelihood"),
    ]
    if given.scores:
        models.append(Model("trees with scores", "bdt", ("--scores", "1")))
    pairs = joined([read_candidates(path) for path in given.judge])
    signal = pairs.truth["kind"] == b"ibd"
    found = [model.scores(given.learn, given.judge, given.work) for model in models]
    scores = np.array([score for score, _ in found])
    learned = joined([read_candidates(path) for path in given.learn]).truth["kind"] == b"ibd"
    geo = pairs.columns["e_prompt"] < GEO_MEV
    head = ["", "balanced accuracy", f"below {GEO_MEV} MeV", "area", "area less that of trees"]
    head += [f"rejected at {cut:.0%}" for cut in CUTS] + ["calibration error (by chance)"]
    counted = (
        f"Given {learned.sum():,} antineutrinos and {(~learned).sum():,} accidental pairs, "
        f"{held_out(given.work / models[0].name)}; "
        f"judged by {signal.sum():,} and {(~signal).sum():,} of other files."
    )
    rows = accuracy_rows(models, scores, signal, geo)
    radii = pairs.table(["r_prompt", "r_delayed"])
    ranks = [float(spearmanr(radii[chosen]).statistic) for chosen in (signal, ~signal)]
    together = (
        f"Rank correlation of both radii: {ranks[0]:.2f} in antineutrinos, {ranks[1]:.2f} in "
        "accidental pairs."
    )
    write_part(PAGE, "accuracy", f"{counted}\n\n{table(head, rows)}\n\n{together}")
    rates = Rates(given.ibd, off_time_rate(given.off_time) / given.times**2)
    write_part(PAGE, "prior", prior_text(models, scores, signal, geo, rates))
    boosters, _ = opened_trees(given.work / models[0].name)
    worth = importance(boosters, pairs)
    rows = [
        [f"`{name}`", measured(one["added"], one["added_error"]), percent(one["gain"], 0.0)]
        for name, one in worth.as_dict().items()
    ]
    write_part(PAGE, "worth", table(["input", "adds to the logit", "share of gain"], rows))
    draw(models, scores, signal, DOCS / "antineutrinos_trees.png")


if __name__ == "__main__":
    main()
