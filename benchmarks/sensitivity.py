"""Expected limits of KamLAND-Zen 800 and KamLAND2-Zen, and what rejections are worth to them.

    python benchmarks/sensitivity.py --write docs/sensitivity.md --figure docs/sensitivity.png
        [--rejection rejection.json] [--scan half=rejection_half.json twice=rejection_twice.json]

rejection.json is what `kzcal combine` or benchmarks/rejection.py wrote: the best cut on each of
its scores takes the place of all that a preset's own cuts do to long-lived isotopes. --scan does
so for rejections of other showers.
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
from scipy.optimize import brentq
from sensitivity_spectra import pair_scale

from kzcal import plugins
from kzcal.geometry import load_detector
from kzcal.physics.double_beta import Q_VALUE
from kzcal.physics.transport import Transport
from kzcal.sensitivity.binned import expected, total, two_neutrino_events
from kzcal.sensitivity.cuts import Cut, CutCurve, parsed, passing
from kzcal.sensitivity.experiment import Experiment
from kzcal.sensitivity.limits import expected_limit, toy_limits
from kzcal.sensitivity.preset import PRESETS, load_preset
from kzcal.sensitivity.scans import limit, scan_cuts, scan_radius, with_cut, without_cut
from kzcal.sensitivity.shells import shares
from kzcal.sensitivity.spectra import spectrum
from kzcal.sensitivity.study import count
from kzcal.simulate.vertices import visible_scale

UNIT = 1e26
LONG_LIVED = ("long-lived",)
EXPERIMENTS = ("klz-800", "kamland2-zen")
"""To which rejections are worth something."""
PUBLISHED = {
    "klz-800": "1.3, median",
    "klz-800-complete": "2.6, median",
    "kamland2-zen": "20, goal",
}
"""10²⁶ years: medians as remembered, the goal by the talk."""
TOYS = 400
GOAL = 20.0
"""10²⁶ years."""
FILM_DECAYS = 4.2 / 4
"""Of 214Bi a day from the film.

Assumption: of 4.2 on the film half stay untagged, and half of these send their electrons inside.
"""


def presets() -> str:
    """Expected limits beside published ones."""
    rows, ends = [], set[str]()
    for name in PRESETS:
        experiment = load_preset(name)
        whole = expected(experiment)
        toys = toy_limits(whole, experiment.excess, TOYS, generator=np.random.default_rng(1))
        low, middle, high = np.quantile(toys, (0.1587, 0.5, 0.8413)) / UNIT
        error = np.log(toys).std() * 1.2533 / np.sqrt(TOYS) * middle
        counted = count(experiment)
        inner = whole.within(experiment.reference.radius)
        ends.add(f"{inner.radius[-1]:.3f}")
        alone = expected_limit(inner, experiment.excess) / UNIT
        rows.append((
            f"`{name}`",
            f"{experiment.exposure:.0f}",
            f"{sum(counted.backgrounds.values()):.1f}",
            f"{expected_limit(whole, experiment.excess) / UNIT:.2f}",
            f"{middle:.2f} ± {error:.2f}",
            f"{low:.2f} to {high:.2f}",
            f"{alone:.2f}",
            f"{counted.half_life / UNIT:.2f}",
            PUBLISHED[name],
        ))  # fmt: skip
    head = ("preset", "136Xe, kg yr", "background events", "expected", f"median of {TOYS}")
    more = ("68 % of them", f"r < {' or '.join(sorted(ends))} m alone", "one bin", "published")
    return table((*head, *more), rows)


def two_neutrinos() -> str:
    """The background of two neutrinos, by half-life and by resolution."""
    experiment = load_preset("klz-800")
    ours, better = experiment.resolution, load_preset("kamland2-zen").resolution
    rows = [
        ("2.35 to 2.70 MeV, r < 1.57 m, by half-life", f"{two_neutrino_events(experiment):.2f}")
    ]
    transport = Transport(load_detector("kamland-zen-800"))
    own = pair_scale(plugins.load().sources, transport, visible_scale(transport), 2000)
    for what, scale in (("0.98", 0.98), ("1.02", 1.02), (f"{own:.4f}, of kzcal's light", own)):
        other = replace(experiment, scale=scale)
        rows.append((f"the same, energy scale {what}", f"{two_neutrino_events(other):.2f}"))
    for what, fixed in (("in that window", True), ("within one standard deviation of Q", False)):
        found = []
        for resolution in (ours, better):
            spread = resolution * np.sqrt(Q_VALUE)
            edges = np.array([2.35, 2.70] if fixed else [Q_VALUE - spread, Q_VALUE + spread])
            found.append(spectrum("2nbb", edges, resolution, 1.0)[0])
        rows.append((f"fewer {what} at 1.95 % than at 4.27 %", f"{found[0] / found[1]:.1f} times"))
    return table(("two neutrinos", "events"), rows)


def rejecting() -> str:
    """Expected limits by the share of long-lived decays that is rejected."""
    rows = []
    for accepted in (0.9, 0.95):
        for rejected in (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99):
            limits = [
                limit(with_cut(load_preset(name), Cut(LONG_LIVED, rejected, accepted))) / UNIT
                for name in EXPERIMENTS
            ]
            rows.append((f"{accepted:.0%}", f"{rejected:.0%}", *(f"{x:.2f}" for x in limits)))
    head = ("signal accepted", "long-lived rejected", *(f"`{name}`" for name in EXPERIMENTS))
    return table(head, rows)


def worth(path: Path, scans: list[tuple[str, Path]]) -> str:
    """Best cuts on measured scores, in place of the published one."""
    rows = []
    curves = json.loads(path.read_text())["curves"]["rejected"]
    taken = [(score, f"{path}:{score}") for score in curves]
    taken += [(f"combined, {name}", str(other)) for name, other in scans]
    for name in EXPERIMENTS:
        preset = load_preset(name)
        others = without_cut(preset, LONG_LIVED).cuts
        none, own = limit(replace(preset, cuts=others)), limit(preset)
        rows.append((f"`{name}`", "no cut", "", "", f"{none / UNIT:.2f}", "1"))
        shares = (f"{1 - passing(preset.cuts, 'long-lived') / passing(others, 'long-lived'):.0%}",
                  f"{passing(preset.cuts, '0nbb') / passing(others, '0nbb'):.0%}")  # fmt: skip
        gain = f"{own / none:.3f}"
        rows.append((f"`{name}`", "the preset's own", *shares, f"{own / UNIT:.2f}", gain))
        for score, text in taken:
            curve = parsed(f"long-lived={text}")
            assert isinstance(curve, CutCurve)
            scan = scan_cuts(preset, curve)
            cut, best = scan.cuts[scan.best], scan.half_lives[scan.best]
            shares = (f"{cut.rejected:.0%}", f"{cut.accepted:.0%}")
            rows.append((f"`{name}`", score, *shares, f"{best / UNIT:.2f}", f"{best / none:.3f}"))
    head = ("experiment", "cut on", "long-lived rejected", "signal accepted", "expected", "gain")
    return table(head, rows)


def film() -> str:
    """Outermost radii with and without the film's events."""
    rows = []
    for scan in scan_radius(load_preset("klz-800")):
        best = int(np.argmax(scan.volumes))
        rows.append((
            f"{scan.rejected:.0%}",
            f"{scan.radii[best]:.2f}",
            f"{scan.volumes[best] / UNIT:.2f}",
            f"{(scan.radii[best] / 1.9) ** 3:.0%}",
            f"{scan.half_lives[-1] / UNIT:.2f}",
        ))  # fmt: skip
    head = ("film's events rejected", "best radius by energy alone, m", "expected with it")
    limits = table((*head, "xenon inside", "expected in shells to the film"), rows)
    lengths = [(f"{100 * length:.1f}", f"{decays:.2f}") for length, decays in film_lengths()]
    return f"{limits}\n\n{table(('length, cm', 'decays of 214Bi a day'), lengths)}"


def film_lengths() -> list[tuple[float, float]]:
    """Lengths of the film's events, m, and the decays a day that leave the published number.

    The first is the preset's, the second that of FILM_DECAYS.
    """
    experiment = load_preset("klz-800")
    reference = experiment.reference
    film = next(b for b in experiment.backgrounds if b.name == "film-u238")
    edges = np.array(reference.energy)
    energy = spectrum(film.spectrum, edges, reference.resolution, experiment.scale)[0]
    seen = reference.days * energy * passing(reference.cuts, film.name)

    def decays(length: float) -> float:
        radius = np.array([0.0, reference.radius])
        place = shares(film.place, radius, reference.balloon, length)[0]
        return float(film.events / (seen * place))

    solved = float(brentq(lambda length: decays(length) - FILM_DECAYS, 0.03, 0.5))
    return [(length, decays(length)) for length in (film.length, solved)]


def goal() -> str:
    """What KamLAND2-Zen needs for its goal."""
    experiment = load_preset("kamland2-zen")
    rows = []
    for what, other in (
        ("as assumed, five years", experiment),
        ("ten years", replace(experiment, days=2 * experiment.days)),
        ("no long-lived isotopes", _without(experiment, LONG_LIVED)),
        ("nor two neutrinos", _without(experiment, (*LONG_LIVED, "2nbb"))),
        (
            "nor any background",
            _without(experiment, tuple(b.name for b in experiment.backgrounds)),
        ),
    ):
        found = limit(other) / UNIT
        rows.append((what, f"{found:.1f}", f"{found / GOAL:.2f}"))
    left = {b.name: total(experiment, b) for b in experiment.backgrounds}
    largest = sorted(left, key=lambda name: -left[name])[:4]
    note = f"Largest backgrounds at all energies: {', '.join(largest)}."
    return (
        table(("KamLAND2-Zen", "expected, 10²⁶ years", "share of the goal"), rows) + f"\n\n{note}"
    )


def _without(experiment: Experiment, names: tuple[str, ...]) -> Experiment:
    kept = tuple(replace(b, events=0.0) if b.name in names else b for b in experiment.backgrounds)
    return replace(experiment, backgrounds=kept)


def figure(path: Path, rejection: Path | None) -> None:
    """Limits by rejection, by radius, and by cuts on measured scores."""
    drawn = Figure(figsize=(11.0, 3.6), layout="constrained")
    FigureCanvasAgg(drawn)
    by_rejection, by_radius, by_cut = drawn.subplots(1, 3)
    rejected = np.linspace(0.0, 0.99, 34)
    for name in EXPERIMENTS:
        experiment = load_preset(name)
        limits = [limit(with_cut(experiment, Cut(LONG_LIVED, r, 0.9))) / UNIT for r in rejected]
        by_rejection.plot(rejected, limits, label=name)
    by_rejection.set_yscale("log")
    by_rejection.set_xlabel("long-lived rejected at 90 %")
    by_rejection.set_ylabel("expected limit, 10²⁶ years")
    by_rejection.legend()
    for scan in scan_radius(load_preset("klz-800")):
        label = f"{scan.rejected:.0%} of the film"
        (line,) = by_radius.plot(scan.radii, np.array(scan.half_lives) / UNIT, label=label)
        values = np.array(scan.volumes) / UNIT
        by_radius.plot(scan.radii, values, "--", color=line.get_color())
    by_radius.set_xlabel("outermost radius, m (dashed: by energy alone)")
    by_radius.legend(title="rejected")
    if rejection is None:
        by_cut.set_axis_off()
    else:
        for score in json.loads(rejection.read_text())["curves"]["rejected"]:
            curve = parsed(f"long-lived={rejection}:{score}")
            assert isinstance(curve, CutCurve)
            scan = scan_cuts(load_preset("klz-800"), curve)
            accepted = [cut.accepted for cut in scan.cuts]
            by_cut.plot(accepted, np.array(scan.half_lives) / UNIT, label=score)
        by_cut.axhline(scan.none / UNIT, color="0.5", lw=0.7, ls=":")
        by_cut.set_xlabel("signal accepted, klz-800")
        by_cut.legend()
    drawn.savefig(path, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--rejection", type=Path)
    parser.add_argument("--scan", nargs="*", default=[])
    given = parser.parse_args()
    parts = {
        "presets": presets(),
        "two_neutrinos": two_neutrinos(),
        "rejecting": rejecting(),
        "film": film(),
        "goal": goal(),
    }
    if given.rejection:
        scans = [(name, Path(path)) for name, _, path in (s.partition("=") for s in given.scan)]
        parts["worth"] = worth(given.rejection, scans)
    for name, markdown in parts.items():
        print(f"{name}\n{markdown}\n")
        if given.write:
            write_part(given.write, f"sensitivity_{name}", markdown)
    if given.figure:
        figure(given.figure, given.rejection)


if __name__ == "__main__":
    main()
