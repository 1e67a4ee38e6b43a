"""What an evaluation found as a part of a page, and what its model looks at as a picture.

kzcal evaluate scores.csv --events EVENTS.h5 --model model/ ... --out page/
python benchmarks/evaluation_result.py page/evaluation.json --write docs/evaluation.md
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from pages import table, write_part

from kzcal.calibrate.report.digits import measured
from kzcal.calibrate.report.picture import DATA, FAINT, MODEL, drawing

SHOWN_NS = (-20.0, 60.0)


def classifiers(found: dict[str, Any]) -> str:
    """Rejections and areas."""
    cuts = [
        f"rejected at {cut['acceptance']:.0%}" for cut in found["classifiers"][0]["rejections"]
    ]
    rows = (
        (
            one["name"],
            *(measured(cut["rejected"], cut["error"]) for cut in one["rejections"]),
            measured(one["area"], one["area_error"]),
            f"{one['reliability']['calibration_error']:.3f}",
            f"{one['reliability']['expected']:.3f}",
        )
        for one in found["classifiers"]
    )
    head = ("classifier", *cuts, "area", "calibration error", "by chance")
    return table(head, rows)


def dependence(found: dict[str, Any]) -> str:
    """Correlations of the first score, and what it separates inside bins."""
    rows = (
        (
            one["name"].replace("_", " "),
            *(measured(c["value"], c["error"]) for c in one["correlation"]),
            measured(one["alone"]["value"], one["alone"]["error"]),
            measured(one["inside"]["value"], one["inside"]["error"]),
        )
        for one in found["dependence"]
        if len(one["bins"]) > 1
    )
    head = ("column", "correlation in signal", "in background", "area alone", "area inside bins")
    return table(head, rows)


def sentences(found: dict[str, Any]) -> list[str]:
    """Pairs, data and simulation, and dead PMTs."""
    told = [
        f"{pair['first']} less {pair['second']}: {measured(pair['rejected'], pair['error'])} "
        f"of the background (p = {pair['probability']:.2g}), area "
        f"{measured(pair['area'], pair['area_error'])} (p = {pair['area_probability']:.2g})."
        for pair in found["contrasts"]
    ]
    if found["agreement"]:
        one = found["agreement"]
        alarms = ", ".join(f"{share:.3g} at {level:g}" for level, share in one["alarms"])
        told.append(
            f"{one['n_data']} tagged and {one['n_simulated']} simulated events: distance "
            f"{one['distance']:.3f}, p = {one['probability']:.2g}; one law exceeds "
            f"{one['seen']:.3f} in 5 %. False alarms of {one['splits']} splits: {alarms}. "
            f"Impurity of the tag: {one['impurity']:.1g} at most."
        )
    if found["model"]:
        told += [
            f"With {one['share']:.0%} more dead PMTs, in {found['model']['probed_dead']} events, "
            f"{measured(one['fewer'], one['error'])} less is rejected and "
            f"{measured(one['change']['lost'], one['change']['error'])} of the area is lost."
            for one in found["model"]["dead"]
        ]
    return told


def wrapped(sentence: str) -> str:
    """An item of a list, over several lines."""
    return textwrap.fill(f"* {sentence}", 140, subsequent_indent="  ")


def picture(found: dict[str, Any], path: Path) -> None:
    """Worth of times and of bands about the axis of early light."""
    model = found["model"]
    with drawing(9.0, 3.2) as figure:
        times, bands = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.08, bottom=0.16)
        edges = np.clip(
            [model["times"][0]["low"], *(b["high"] for b in model["times"])], *SHOWN_NS
        )
        for name, colour, label in (
            ("removed", DATA, "hits taken away"),
            ("traded", MODEL, "their PMTs traded"),
        ):
            shift = [one[name]["shift"] for one in model["times"]]
            times.stairs(shift, edges, color=colour, label=label)
        times.legend()
        times.set_xlabel("residual, ns")
        times.set_ylabel("change of the score, spreads")
        middle = [(b["low"] + b["high"]) / 2 for b in model["bands"]]
        lost = [b["traded"]["lost"] for b in model["bands"]]
        error = [b["traded"]["error"] for b in model["bands"]]
        bands.errorbar(middle, lost, error, fmt="o", ms=3, lw=0.8, color=DATA)
        bands.axhline(0, color=FAINT, lw=0.7)
        bands.set_xlabel("cosine of the angle to the axis of early light")
        bands.set_ylabel("area lost, times traded")
        figure.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--write", type=Path, required=True)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    found = json.loads(given.result.read_text())
    n = f"{found['signal']} events of signal and {found['background']} of background."
    parts = [
        n,
        classifiers(found),
        f"What the score of {found['classifiers'][0]['name']} depends on:",
        dependence(found),
        "\n".join(wrapped(sentence) for sentence in sentences(found)),
    ]
    write_part(given.write, "evaluation_result", "\n\n".join(part for part in parts if part))
    if given.figure and found["model"]:
        picture(found, given.figure)


if __name__ == "__main__":
    main()
