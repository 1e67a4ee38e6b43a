"""``kzcal simulate showers``: muons, showers, captures and decays on one time axis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.db import database_option
from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.simulate.constants import Constants
    from kzcal.simulate.shower_laws import ShowerModel
    from kzcal.simulate.shower_run import ShowersWritten


@click.command()
@click.option(
    "--days", type=click.FloatRange(0), help="A run of so many days, with all its muons."
)
@click.option(
    "--histories",
    type=click.IntRange(0),
    metavar="N",
    help="Instead, N decays of each class, each with a history of its own.",
)
@click.option(
    "--look-back",
    type=click.FloatRange(0, min_open=True),
    default=24.0,
    show_default=True,
    help="Length of each history, hours.",
)
@click.option(
    "--reach",
    type=click.FloatRange(0, min_open=True),
    default=2.0,
    show_default=True,
    help="A history keeps muons with captures seen so near to its decay, m.",
)
@click.option(
    "--energy",
    metavar="LOWER:UPPER",
    help="Only decays with these energies [MeV].  [default: all in a run, 2:3 in histories]",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with other figures, in tables [muons], [showers] and [yields].",
)
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="NAME=FACTOR",
    help="One figure larger by a factor, such as parent_neutrons=2; may be repeated.",
)
@click.option("--hits", is_flag=True, help="Give the decays hits, with the constants chosen.")
@click.option("--nominal", is_flag=True, help="With --hits: nominal constants of the PMTs.")
@database_option
@click.option("--tag", help="With --hits: tag of the database with the constants of the run.")
@click.option("--run", type=click.IntRange(0), default=1, show_default=True, help="Run number.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of chance.")
@click.option(
    "--detector",
    default="kamland-zen-800",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Where it happens.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The event file.")
@device_option
@threads_option
@json_option
@pass_session
def showers(
    session: Session,
    days: float | None,
    histories: int | None,
    look_back: float,
    reach: float,
    energy: str | None,
    config: Path | None,
    scales: tuple[str, ...],
    hits: bool,
    nominal: bool,
    location: str | None,
    tag: str | None,
    run: int,
    seed: int,
    detector: str,
    out: Path,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Simulate muons, their showers and captures, and decays with or without them.

    With --days the file is a run: every muon with the energy along its track, the captures seen
    after it, double beta decays of 136Xe, and isotopes of showers, each decaying at its time after
    its muon. With --histories every decay, N long-lived and N of 136Xe, has a history of its own
    that ends with it, one history after the other: a set to learn from.

    \b
        kzcal simulate showers --days 30 --out run.h5
        kzcal simulate showers --histories 20000 --look-back 24 --out histories.h5
        kzcal coincidence build histories.h5 --with spallation --look-back 24 --out pairs.h5

    The truth names each event (capture, xe136, long-lived), the isotope, the time since its muon
    and the group of events that the muon made. Events have vertices and energies but no hits;
    --hits gives the decays theirs.
    """  # noqa: D301  click reads \b
    if (days is None) is (histories is None):
        reason = "give either --days, for a run, or --histories"
        raise click.UsageError(reason)
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.io.atomic import check_writable
    from kzcal.simulate.energy_window import EnergyWindow
    from kzcal.simulate.shower_run import ShowerRequest, write_showers

    check_writable(out)
    window = energy or (None if histories is None else "2:3")
    request = ShowerRequest(
        model=_model(config, scales),
        days=days,
        histories=histories,
        look_back_s=3600 * look_back,
        reach_m=reach,
        window=None if window is None else EnergyWindow.parse(window),
        run=run,
        seed=seed,
        detector=detector,
        constants=_constants(hits, nominal, location, tag, run),
        device=choose_device(device).type,
    )
    with (
        interrupts_kept() as check,
        progress("simulating", None, quiet=session.quiet) as advance,
    ):

        def watch(amount: float) -> None:
            check()
            advance(amount)

        written = write_showers(request, out, advance=watch)
    emit(written, as_json, _text(written))


def _constants(
    hits: bool, nominal: bool, location: str | None, tag: str | None, run: int
) -> Constants | None:
    """Of the PMTs, if there are to be hits."""
    if not hits:
        if nominal or tag is not None:
            reason = "--nominal and --tag choose constants for --hits: give that too"
            raise click.UsageError(reason)
        return None
    from kzcal.cli.simulate import chosen_constants

    return chosen_constants(nominal, location, tag, run)


def _model(config: Path | None, scales: tuple[str, ...]) -> ShowerModel:
    from kzcal.simulate.shower_laws import ShowerModel, read_model

    factors = {}
    for text in scales:
        name, _, number = text.partition("=")
        try:
            factors[name.replace("-", "_")] = float(number)
        except ValueError:
            reason = f"--scale is NAME=FACTOR, such as parent_neutrons=2, got {text!r}"
            raise click.UsageError(reason) from None
    model = ShowerModel() if config is None else read_model(config)
    return model.scaled(factors)


def _text(written: ShowersWritten) -> str:
    rows = [*written.events.items(), ("muons", written.n_muons), ("hits", written.n_hits)]
    head = f"{written.out}: {written.days:.4g} days of run {written.run}, {written.seconds:.1f} s"
    return f"{head}\n{table(('kind', 'number'), rows)}"
