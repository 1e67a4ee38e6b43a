"""``kzcal simulate ibd`` and ``kzcal simulate accidentals``: pairs, true ones and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.machine import settle_threads
from kzcal.cli.output import emit, progress
from kzcal.cli.pair_options import SMEARED, shared_options
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.simulate.accidental_run import WrittenPairs
    from kzcal.simulate.antineutrino_run import AntineutrinoRequest, CoincidenceSetup
    from kzcal.simulate.cocktail import Ingredient

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is simulated: so many antineutrinos, or so many days of a run."""

    number: int | None
    days: float | None

    @property
    def duration_s(self) -> float | None:
        """Of a run."""
        return None if self.days is None else self.days * SECONDS_PER_DAY


@click.command()
@click.option("--n", "number", type=click.IntRange(0), help="Number of antineutrinos.")
@click.option("--days", type=click.FloatRange(0.0, min_open=True), help="A run of so many days.")
@click.option(
    "--flux",
    default="reactor:0.6,geo:0.4",
    show_default=True,
    help="Origins, reactor or geo, and their shares of the reactions.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.0),
    default=0.25,
    show_default=True,
    help="A day, with --days.",
)
@click.option("--volume", default="ls", show_default=True, help="Where they react.")
@click.option(
    "--singles",
    type=click.FloatRange(0.0),
    default=0.0,
    help="Add single events, so many times as often as known, with --days.",
)
@shared_options
@pass_session
def ibd(
    session: Session,
    /,
    number: int | None,
    days: float | None,
    flux: str,
    rate: float,
    volume: str,
    singles: float,
    **given: Any,  # noqa: ANN401  OPTIONS by name
) -> None:
    """Simulate antineutrinos: positrons, and the captures of their neutrons.

    Each antineutrino gives two events of the same truth/group, kinds ibd-prompt and ibd-delayed.
    With --n alone they come one a second, with --days at any time of a run, with --singles among
    the single events of a detector. Without --hits vertices, energies and times are those of the
    energy deposits, with the errors of a reconstruction.

    \b
        kzcal simulate ibd --n 10000 --seed 7 --out ibd.h5
        kzcal simulate ibd --days 30 --singles 1 --out month.h5
        kzcal simulate ibd --n 2000 --hits --nominal --out ibd_hits.h5
    """  # noqa: D301  click reads \b
    if number is None and days is None:
        reason = "give --n, a number of antineutrinos, or --days of a run, or both"
        raise click.UsageError(reason)
    if singles and days is None:
        reason = "--singles need --days, the length of the run that they are spread over"
        raise click.UsageError(reason)
    settle_threads(given["threads"])
    from kzcal.simulate.antineutrino_run import AntineutrinoRequest
    from kzcal.simulate.ibd import Flux

    wanted = AntineutrinoRequest(Flux.parse(flux), number, rate, volume)
    _write(session, _recipe(session, Amount(number, days), singles, wanted, given), given)


@click.command()
@click.option(
    "--days",
    type=click.FloatRange(0.0, min_open=True),
    required=True,
    help="Length of the run of single events.",
)
@click.option(
    "--pairs",
    type=click.IntRange(1),
    help="Write so many pairs that look like antineutrinos, made of the run's events.",
)
@click.option(
    "--distance",
    type=click.FloatRange(0.0, min_open=True),
    default=2.0,
    show_default=True,
    help="Of --pairs, m.",
)
@click.option(
    "--times",
    type=click.FloatRange(0.0),
    default=1.0,
    show_default=True,
    help="Scale of the rates.",
)
@shared_options
@pass_session
def accidentals(
    session: Session,
    /,
    days: float,
    pairs: int | None,
    distance: float,
    times: float,
    **given: Any,  # noqa: ANN401  OPTIONS by name
) -> None:
    """Simulate single events of a run, which pair by accident alone.

    The events are those of natural radioactivity in the scintillator, on the balloon and from
    outside, and of 11C, 10C and 136Xe; truth/group of all is -1. With --pairs two of them become
    a pair within a millisecond, one pair a second, if energies, radii and distance let them pass
    for an antineutrino; the rate of such pairs is reported. They are other events than those of
    a run of the same seed. All that can be half a pair is in memory at once, with its hits.

    \b
        kzcal simulate accidentals --days 1 --out singles.h5
        kzcal simulate accidentals --days 1 --pairs 30000 --out accidentals.h5
    """  # noqa: D301  click reads \b
    settle_threads(given["threads"])
    recipe = _recipe(session, Amount(None, days), times, None, given)
    if pairs is None:
        _write(session, recipe, given)
        return
    from kzcal.coincidence.config import IbdSettings
    from kzcal.io.atomic import check_writable
    from kzcal.simulate.accidental_run import write_pairs

    check_writable(given["out"])
    _announce(session, recipe)
    with interrupts_kept() as check:
        cuts = IbdSettings(distance=distance)
        written = write_pairs(
            recipe,
            given["out"],
            pairs,
            cuts,
            workers=given["workers"],
            threads=_threads(given),
            check=check,
        )
    emit(written, given["as_json"], pairs_summary(written))


def pairs_summary(written: WrittenPairs) -> str:
    """What was written, and how often it happens."""
    return (
        f"wrote {written.out}: {written.n_pairs} pairs of {written.n_prompt} prompt and "
        f"{written.n_delayed} delayed single events, of which {written.n_prompt_used} and "
        f"{written.n_delayed_used} are in pairs; the singles would pair {written.per_day:.4g} "
        "times a day"
    )


def _recipe(
    session: Session,
    amount: Amount,
    times: float,
    antineutrinos: AntineutrinoRequest | None,
    given: Mapping[str, Any],
) -> CoincidenceSetup:
    """What the options ask for."""
    from kzcal.calibrate.machine import choose_device
    from kzcal.cli.simulate import chosen_constants
    from kzcal.simulate.antineutrino_run import CoincidenceSetup
    from kzcal.simulate.cocktail import Cocktail
    from kzcal.simulate.constants import Constants
    from kzcal.simulate.setup import Setup
    from kzcal.simulate.singles import times_as_often
    from kzcal.simulate.smearing import FITTED

    hits = given["hits"]
    constants = Constants()
    if hits:
        constants = chosen_constants(
            given["nominal"], given["location"], given["tag"], given["run"]
        )
    cocktail = Cocktail(
        components=times_as_often(_singles(given["recipe"]), times) if times else (),
        duration_s=amount.duration_s,
        vertex=given["vertex"] or (FITTED if hits else SMEARED),
        **{name: given[name] for name in ("run", "seed", "detector", "light")},
    )
    device = choose_device(given["device"]).type
    setup = Setup(cocktail, constants, session.plugin_files, device, hits=hits)
    return CoincidenceSetup(setup, antineutrinos, given["least_mev"], given["resolution"])


def _singles(recipe: Path | None) -> tuple[Ingredient, ...]:
    """The single events of a TOML file, or the known ones."""
    from kzcal.simulate.cocktail import read_cocktail
    from kzcal.simulate.singles import SINGLES

    if recipe is None:
        return SINGLES
    return read_cocktail(recipe, {"run": 0, "duration_s": 1.0}).components


def _announce(session: Session, recipe: CoincidenceSetup) -> None:
    """Say that a light map is to be traced."""
    from kzcal.geometry import load_detector

    if recipe.setup.hits:
        session.announce_light_map(load_detector(recipe.setup.cocktail.detector))


def _threads(given: Mapping[str, Any]) -> int:
    """Threads of each process."""
    import torch

    threads: int | None = given["threads"]
    return threads or max(1, torch.get_num_threads() // given["workers"])


def _write(session: Session, recipe: CoincidenceSetup, given: Mapping[str, Any]) -> None:
    """Simulate, write and report."""
    from kzcal.cli.simulate_text import summary
    from kzcal.io.atomic import check_writable
    from kzcal.simulate.run import write_simulation

    check_writable(given["out"])
    _announce(session, recipe)
    simulation = recipe.open()
    total = sum(part.n_decays for part in simulation.components)
    with (
        interrupts_kept() as check,
        progress("simulating", total, quiet=session.quiet) as advance,
    ):

        def watch(n_events: float) -> None:
            check()
            advance(n_events)

        written = write_simulation(
            recipe,
            given["out"],
            workers=given["workers"],
            threads=_threads(given),
            advance=watch,
            simulation=simulation,
        )
    emit(written, given["as_json"], summary(written))
