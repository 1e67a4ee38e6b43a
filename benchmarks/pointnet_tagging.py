r"""Share of long-lived decays that are tagged at 10 % false tags of double beta decays.

    kzcal simulate showers --histories 20000 --look-back 24 --out histories.h5
    kzcal coincidence build histories.h5 --with spallation --look-back 24 \
        --capture-time 20:2000 --out pairs.h5
    python benchmarks/pointnet_tagging.py pairs.h5 --look-back 24 [--write docs/pointnet.md]

PointNet with the three sets of inputs of the talk, each with the window of hours that tags
most of the decays it is chosen by; the network of several muons with fewer inputs and with all;
and the ratio of likelihoods. All are judged by the same held-out decays, drawn anew for errors.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import torch
from pages import table, write_part
from pointnet_ratio import LikelihoodRatio
from pointnet_training import (
    ACCEPTED,
    EVERY,
    Sample,
    alone,
    chosen_options,
    sample,
    scored,
    tagged,
    tagged_again,
    trained,
)

from kzcal.evaluate.curve import Ranking
from kzcal.evaluate.resampling import Rejections

PUBLISHED = ("vertices", "tracks", "dedx")
SAID = {"vertices": "49 %", "tracks": "52 %", "dedx": "53 %"}
SHOWER, RATIO = "shower", "likelihood ratio"
FEWER = {
    f"{SHOWER} --tracks 0 --dedx 0": {"tracks": 0.0, "dedx": 0.0},
    f"{SHOWER} --dedx 0": {"dedx": 0.0},
    SHOWER: {},
}
"""The network of several muons, with fewer inputs and with all."""
PICTURE = Path(__file__).parents[1] / "docs" / "pointnet.png"


def published(
    given: Sample, preset: str, hours: list[float], further: dict[str, float]
) -> tuple[np.ndarray, float]:
    """Scores by PointNet with the best window of hours, and that window."""
    tried = []
    for window in hours:
        found, _ = trained(given, chosen_options(preset, further | {"hours": window}))
        tried.append((tagged(scored(found, given.chosen), given.chosen), window, found))
    _, best, found = max(tried, key=lambda entry: entry[0])
    return scored(found, given.held_out), best


def rows(found: Rejections, names: list[str], notes: dict[str, tuple[str, str]]) -> list[list]:
    """Lines of the table."""
    shower, lines = names.index(SHOWER), []
    for i, name in enumerate(names):
        apart, error = found.difference(i, shower)
        difference = f"{100 * apart[0]:+.1f} ± {100 * error[0]:.1f}" if i != shower else ""
        value = f"{100 * found.values[i, 0]:.1f} ± {100 * found.errors[i, 0]:.1f}"
        lines.append([f"`{name}`" if name != RATIO else name, *notes[name], value, difference])
    return lines


def order(found: Rejections, names: list[str]) -> str:
    """What each input adds to PointNet."""
    told = []
    for less, more in pairwise(names.index(name) for name in PUBLISHED):
        apart, error = found.difference(more, less)
        difference = f"{100 * apart[0]:+.1f} ± {100 * error[0]:.1f}"
        told.append(f"`{names[more]}` less `{names[less]}` {difference} %")
    return ", ".join(told)


def effort(steps: float, shower_steps: float, hours: list[float]) -> str:
    """What each training was given."""
    return (
        f"Of {steps:g} steps of PointNet and {shower_steps:g} of `shower` the best of every "
        f"{EVERY} is kept; for PointNet captures of the last {', '.join(f'{h:g}' for h in hours)} "
        f"hours were tried."
    )


def draw(path: Path, scores: dict[str, np.ndarray], signal: np.ndarray) -> None:
    """Curves of all scores."""
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 4.8))
    for name, score in scores.items():
        curve = Ranking.of(score, signal).curve()
        style = {"color": "black", "linestyle": "--"} if name == RATIO else {}
        if name not in FEWER or not FEWER[name]:
            axes.plot(1 - curve.accepted, 1 - curve.passed, label=name, **style)
    axes.axvline(1 - ACCEPTED, color="grey", linewidth=0.8)
    axes.set(
        xlabel="double beta decays tagged by mistake",
        ylabel="long-lived decays tagged",
        xlim=(0, 0.5),
        ylim=(0, 1),
    )
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    """Train, judge, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--look-back", type=float, default=24.0)
    parser.add_argument("--hours", type=float, nargs="+", default=[0.25, 0.5, 1.0, 2.0])
    parser.add_argument("--steps", type=float, default=1200.0)
    parser.add_argument("--shower-steps", type=float, help="else as many")
    parser.add_argument("--features", type=float, default=1024.0)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--write", type=Path)
    chosen = parser.parse_args()
    shower_steps = chosen.shower_steps or chosen.steps
    torch.set_num_threads(1)
    given = sample(chosen.pairs)
    begin = time.process_time()
    scores, notes = {}, {}
    further = {"schedule": chosen.steps, "features": chosen.features}
    for preset in PUBLISHED:
        scores[preset], hours = published(given, preset, chosen.hours, further)
        notes[preset] = (f"{hours:g} h", SAID[preset])
        print(preset, hours, f"{time.process_time() - begin:.0f} s")
    for name, fewer in FEWER.items():
        options = chosen_options(SHOWER, fewer | {"schedule": shower_steps})
        scores[name] = scored(trained(given, options)[0], given.held_out)
        print(name, f"{time.process_time() - begin:.0f} s")
    ratio = LikelihoodRatio.of(given.learned, chosen.look_back * 3600.0)
    scores[RATIO] = ratio.score(given.held_out)
    notes |= dict.fromkeys([*FEWER, RATIO], (f"{chosen.look_back:g} h", ""))
    names = list(scores)
    found = tagged_again(list(scores.values()), given.held_out)
    head = ["", "captures of the last", "talk", "tagged [%]", "less `shower` [%]"]
    text = table(head, rows(found, names, notes))
    text += (
        f"\n\n{len(given.learned):,} decays to learn from, {len(given.chosen):,} to choose by, "
    )
    text += f"{len(given.held_out):,} held out; {100 * (1 - ACCEPTED):.0f} % of the double beta "
    text += f"decays tagged by mistake. {order(found, names)}. "
    text += effort(chosen.steps, shower_steps, chosen.hours)
    if chosen.scores:
        event = given.held_out.event
        np.savez(chosen.scores, event=event, signal=alone(given.held_out), **scores)
    if chosen.write:
        write_part(chosen.write, "pointnet_tagging", text)
        draw(PICTURE, scores, alone(given.held_out))
    else:
        print(text)


if __name__ == "__main__":
    main()
