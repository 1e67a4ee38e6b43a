"""``kzcal coincidence``: events of a run that may belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.events import detector_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.coincidence.build import Built
    from kzcal.coincidence.config import IbdSettings, SpallationSettings

FILE = click.Path(path_type=Path)
SPALLATION_ONLY = ("look_back", "energy", "capture_time", "capture_energy")
IBD_ONLY = ("time", "prompt", "delayed", "alone", "off_time", "windows", "spacing")


class WindowType(click.ParamType):
    """Two numbers, LOW:HIGH."""

    name = "LOW:HIGH"

    def convert(
        self,
        value: Any,  # noqa: ANN401  as click declares it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, float]:
        """The window of a text."""
        if isinstance(value, tuple):
            return value
        low, _, high = str(value).partition(":")
        try:
            return float(low), float(high)
        except ValueError:
            self.fail(f"a window is LOW:HIGH, got {value!r}", param, ctx)


WINDOW = WindowType()


@click.group()
def coincidence() -> None:
    """Find events of a run that may belong together."""


@coincidence.command()
@click.argument("runs", type=FILE, nargs=-1, required=True, metavar="RUN.h5...")
@click.option(
    "--with",
    "purpose",
    type=click.Choice(["spallation", "ibd"]),
    required=True,
    help="Decays with the captures around them, or pairs of a prompt and a delayed event.",
)
@click.option("--out", type=FILE, required=True, help="File of candidates to write (HDF5).")
@click.option("--distance", type=float, help="Of capture and decay [1.6 m], or of a pair [2 m].")
@click.option("--radius", type=float, help="Decays [innermost medium] or pairs [6 m] are inside.")
@click.option("--veto", type=float, help="Nothing is taken so soon after a muon, us [2000].")
@click.option(
    "--look-back",
    type=float,
    help="spallation: muons so long before a decay, h [24, or as long as histories in a file].",
)
@click.option("--energy", type=WINDOW, help="spallation: of decays, MeV [2:3].")
@click.option("--capture-time", type=WINDOW, help="spallation: after the muon, us [150:2000].")
@click.option(
    "--capture-energy",
    type=WINDOW,
    multiple=True,
    help="spallation: of captures, MeV; may be given again [1.8:2.6 and 4.4:5.6].",
)
@click.option("--time", type=WINDOW, help="ibd: between the two events, us [0.5:1000].")
@click.option("--prompt", type=WINDOW, help="ibd: prompt energy, MeV [0.9:8.5].")
@click.option(
    "--delayed",
    type=WINDOW,
    multiple=True,
    help="ibd: delayed energy, MeV; may be given again [1.8:2.6 and 4.4:5.6].",
)
@click.option(
    "--alone", type=float, help="ibd: nothing else so long before and after the pair, us [0: off]."
)
@click.option(
    "--off-time", is_flag=True, default=None, help="ibd: accidental pairs, by windows moved away."
)
@click.option("--windows", type=int, help="ibd: number of windows that are moved away [100].")
@click.option("--spacing", type=float, help="ibd: time between these windows, us [10000].")
@click.option(
    "--scores",
    multiple=True,
    metavar="NAME=SCORES.csv",
    help="ibd: score of the prompt event becomes the column NAME; for several runs a file each, "
    "in their order.",
)
@detector_option
@json_option
@pass_session
def build(
    session: Session,
    /,
    runs: tuple[Path, ...],
    purpose: str,
    out: Path,
    scores: tuple[str, ...],
    detector_name: str,
    as_json: bool,
    **given: Any,  # noqa: ANN401  windows, numbers and flags
) -> None:
    """Find candidates in the events and muons of runs.

    For spallation, a candidate is a decay with the neutron captures near it that followed muons
    within the time looked back, the newest first. For antineutrinos it is a pair of a prompt and a
    delayed event; with --off-time the delayed window is moved away in time, so that all pairs are
    accidental ones. Candidates are found by windows among events in time order, and runs are read
    block by block: memory does not grow with them.
    """
    from kzcal.coincidence.build import build_candidates
    from kzcal.coincidence.histories import look_back_for
    from kzcal.geometry import load_detector
    from kzcal.io.atomic import check_writable

    check_writable(out)
    given = {k: v for k, v in given.items() if v not in (None, ())}
    if purpose == "spallation":
        given.setdefault("look_back", look_back_for(runs))
    settings = _settings(purpose, given)
    total = _n_events(runs)
    with progress("looking for candidates", total, quiet=session.quiet) as advance:
        done = build_candidates(
            runs,
            settings,
            out,
            load_detector(detector_name),
            scores=_scores(scores, len(runs)),
            advance=advance,
        )
    emit(done, as_json, _text(done))


def _settings(purpose: str, given: Mapping[str, Any]) -> SpallationSettings | IbdSettings:
    """Settings of the options that were given."""
    from kzcal.coincidence.config import IbdSettings, SpallationSettings

    spallation = purpose == "spallation"
    wrong = [name for name in (IBD_ONLY if spallation else SPALLATION_ONLY) if name in given]
    if wrong:
        reason = f"--{wrong[0].replace('_', '-')} does nothing for {purpose}: leave it out"
        raise click.UsageError(reason)
    if spallation:
        return SpallationSettings(**given)
    if not given.get("off_time") and {"windows", "spacing"} & set(given):
        reason = "--windows and --spacing are those of --off-time: give it too"
        raise click.UsageError(reason)
    return IbdSettings(**given)


def _scores(words: Sequence[str], n_runs: int) -> list[dict[str, Path]]:
    """Files of scores by name, for each run; none at all without words."""
    named: dict[str, list[Path]] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not (name and equals and path):
            reason = f"scores are given as NAME=SCORES.csv, got {word!r}"
            raise click.UsageError(reason)
        named.setdefault(name, []).append(Path(path))
    for name, paths in named.items():
        if len(paths) != n_runs:
            reason = f"scores are a file for every run ({n_runs}), got {len(paths)} of {name}"
            raise click.UsageError(reason)
    if not named:
        return []
    return [{name: paths[run] for name, paths in named.items()} for run in range(n_runs)]


def _n_events(runs: Sequence[Path]) -> int:
    """Events of all runs."""
    from kzcal.io.timeline import Timeline

    total = 0
    for path in runs:
        with Timeline(path) as timeline:
            total += timeline.n_events
    return total


def _text(done: Built) -> str:
    """A build for a person."""
    read = f"read {done.n_events} events and {done.n_muons} muons of {len(done.runs)} run(s)"
    lines = [
        f"wrote {done.out}: {done.n_candidates} candidates for {done.purpose}",
        f"{read}, {done.livetime_s / 86400:.4g} days",
        *(f"{count} {name}" for name, count in done.counts.items()),
    ]
    shared = "" if done.windows == 1 else f", over {done.windows:.6g} windows"
    lines.append(f"{done.per_day:.4g} +- {done.per_day_error:.2g} candidates a day{shared}")
    return "\n".join(lines)
