"""``kzcal translate twin``: photoelectrons for the events of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.db import database_option, tag_option
from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.translate.twin_files import Twinned


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@database_option
@tag_option
@click.option(
    "--run", type=click.IntRange(0), help="Run whose constants are taken; else that of FILE."
)
@click.option(
    "--parameters",
    "settings",
    type=click.Path(path_type=Path),
    help="TOML file that `kzcal fit` took, for its detector and optics; else the baseline's.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File of photoelectrons, GTQ."
)
@click.option(
    "--target",
    type=click.Path(path_type=Path),
    help="File that gets the events of FILE that have twins, in the same order.",
)
@click.option(
    "--copies", type=click.IntRange(1), default=1, show_default=True, help="Twins of every event."
)
@click.option(
    "--radius",
    "radius_m",
    metavar="M",
    type=click.FloatRange(min=0, min_open=True),
    help="Events farther out get no twin.  [default: the edge of the scintillator]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Decides the random numbers.",
)
@device_option
@threads_option
@json_option
@pass_session
def twin(
    session: Session,
    file: Path,
    location: str | None,
    tag: str,
    run: int | None,
    settings: Path | None,
    out: Path,
    target: Path | None,
    copies: int,
    radius_m: float | None,
    seed: int,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Simulate the photoelectrons of a run's calibration events.

    Every event of FILE in a sample whose decays are known gets a decay of its own, at its vertex
    and time less what the reconstruction errs, in the detector that `kzcal fit` has stored under
    the tag. Of its hits nothing goes in. OUT has a photoelectron for every hit, of PMTs with the
    efficiency that its attribute `hits` names, and the event numbers of FILE; forced triggers are
    in it without light. With --target, translators can learn from twins what hits are made of.

    \b
        kzcal translate twin run.h5 --db kz.db --tag full-2026 --out gtq.h5 --target dtq.h5
    """  # noqa: D301  click reads \b
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.calibrate.measure import checked_samples
    from kzcal.conditions.engine import resolve
    from kzcal.fit.config import FitConfig
    from kzcal.io.atomic import check_writable
    from kzcal.simulate.constants import Constants
    from kzcal.translate.places import check_distinct
    from kzcal.translate.twin_files import FittedDetector, write_twins

    check_distinct({"FILE": file, "--out": out, "--target": target})
    for path in (out, target):
        if path is not None:
            check_writable(path)
    config = FitConfig() if settings is None else FitConfig.from_toml(settings)
    with session.open_events(file, config.open_detector()[0]) as source:
        asked = source.header.run if run is None else run
        constants = Constants.stored(resolve(location), tag, asked)
        fitted = FittedDetector(constants, config, choose_device(device))
        with (
            interrupts_kept() as check,
            progress("simulating twins", None, quiet=session.quiet) as advance,
        ):

            def watch(twins: float) -> None:
                check()
                advance(twins)

            written = write_twins(
                file,
                source,
                checked_samples(session.plugins()),
                fitted,
                out,
                target,
                copies=copies,
                radius_m=radius_m,
                seed=seed,
                advance=watch,
            )
    emit(written, as_json, summary(written))


def summary(written: Twinned) -> str:
    """How many twins there are of what."""
    parts = [
        f"{number} of {name} ({100 * written.purity[name]:.1f} % pure)"
        for name, number in written.samples.items()
    ]
    text = (
        f"wrote {written.out}: run {written.run}, {written.n_twins} twins with "
        f"{written.n_photoelectrons} photoelectrons: {', '.join(parts)}, {written.n_forced} "
        f"forced; {written.n_twins / written.seconds:.0f} twins/s"
    )
    return text if written.target is None else f"{text}\nwrote {written.target}: their events"
