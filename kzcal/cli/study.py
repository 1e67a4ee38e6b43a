"""``kzcal study``: what a trained classifier rejects, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from kzcal.cli.corrections import constants_options
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session

FILE = click.Path(path_type=Path)


def study_options(command: Callable[..., None]) -> Callable[..., None]:
    """What all studies take."""
    given = (
        click.option("--model", type=FILE, required=True, help="Directory of `kzcal train`."),
        click.option(
            "--out", type=FILE, required=True, help="Directory for index.html and study.json."
        ),
        constants_options,
        click.option(
            "--run", type=click.IntRange(0), default=0, show_default=True, help="Run simulated."
        ),
        click.option(
            "--n",
            "number",
            type=click.IntRange(1),
            default=1000,
            show_default=True,
            help="Events of every kind.",
        ),
        click.option(
            "--quenched",
            metavar="LOWER:UPPER",
            default="2.0:2.6",
            show_default=True,
            help="Window of quenched energy, MeV.",
        ),
        click.option("--volume", default="sphere:1.67", show_default=True, help="Of the decays."),
        click.option(
            "--vertex",
            metavar="fitted|smeared[:M:NS]",
            default="smeared",
            show_default=True,
            help="As for `kzcal simulate`.",
        ),
        click.option("--optics", default="", help="As for `kzcal simulate`."),
        click.option("--response", default="", help="As for `kzcal simulate`."),
        click.option(
            "--light",
            type=click.Choice(["map", "full"]),
            default="map",
            show_default=True,
            help="Light map, or every photon traced.",
        ),
        click.option(
            "--acceptance",
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            default=0.9,
            show_default=True,
            help="Share of the signal that is accepted.",
        ),
        click.option("--seed", type=click.IntRange(0), default=1, show_default=True),
        device_option,
        threads_option,
        json_option,
    )
    for option in reversed(given):
        command = option(command)
    return command


@click.group()
def study() -> None:
    """Study what a trained classifier rejects, and why.

    Each study simulates decays in the detector of the model, with the constants of --run under
    --tag or nominal ones, and scores them. Signal is two electrons from one point; a background is
    held against signal of its own quenched energy. Results are OUT/index.html, a page that needs
    no other file, and OUT/study.json. docs/studies.md tells more.
    """


@study.command()
@click.option("--isotope", "names", multiple=True, help="A source; else those of spallation.")
@study_options
@pass_session
def isotopes(session: Session, /, names: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401
    """Score long-lived isotopes, and correlate rejection with properties of their decays."""
    from kzcal.cli.study_bench import Studied
    from kzcal.study.isotopes import SPALLATION, study_isotopes

    settle_threads(given["threads"])
    studied = Studied.of(session, given)
    chosen = names or SPALLATION
    sources = session.plugins().sources
    records = {name: sources.choose(name) for name in chosen}
    with progress("scoring isotopes", len(chosen) + 1, quiet=session.quiet) as advance:
        found = study_isotopes(studied.bench, records, chosen, studied.config, advance)
    told = studied.write(found, {"isotopes": list(chosen)})
    emit(told, given["as_json"], f"{found.text()}\n{told['page']}")


@study.command()
@click.option("--second", type=FILE, help="Another model, trained on such gammas.")
@click.option("--events", type=FILE, help="File of gammas that an earlier study wrote.")
@click.option(
    "--last",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of --events to judge, from their end: what the training of --second set aside.",
)
@study_options
@pass_session
def multisite(
    session: Session,
    /,
    second: Path | None,
    events: Path | None,
    last: float,
    **given: Any,  # noqa: ANN401
) -> None:
    """Tell single-site from multi-site gammas of 3 MeV, by one classifier or two.

    Without --events, gammas are simulated and written to OUT/gammas.h5 with `single`, `multi` or
    `between` as their kind: `kzcal train NAME OUT/gammas.h5 --signal single --background multi
    --set-aside 0.2` trains a second classifier, and the same command with --second, --events and
    --last 0.2 says how the scores of both correlate.
    """
    from kzcal.cli.study_bench import Studied
    from kzcal.study.multisite import gammas, study_multisite

    settle_threads(given["threads"])
    studied = Studied.of(session, given)
    if events is None:
        found_events = gammas(studied.bench, given["number"])
        studied.keep(found_events, "gammas.h5")
    else:
        found_events = studied.read(session, events, last)
    other = None if second is None else studied.with_model(session, second)
    found = study_multisite(studied.bench, found_events, other, studied.config)
    told = studied.write(found, {"second": second and str(second), "last": last})
    emit(told, given["as_json"], f"{found.text()}\n{told['page']}")


@study.command()
@click.option(
    "--training",
    type=click.IntRange(1),
    help="Write OUT/training.h5: so many events of the sets, most of those rejected worst.",
)
@study_options
@pass_session
def gammas(session: Session, /, training: int | None, **given: Any) -> None:  # noqa: ANN401
    """Map rejection over the number and the energy of gammas beside an electron."""
    from kzcal.cli.study_bench import Studied
    from kzcal.study.gammas import ENERGIES, NUMBERS, study_gammas, training_set

    settle_threads(given["threads"])
    studied = Studied.of(session, given)
    total = len(ENERGIES) * len(NUMBERS) + 1
    with progress("scoring sets", total, quiet=session.quiet) as advance:
        found, sets = study_gammas(studied.bench, studied.config, advance)
    if training is not None:
        studied.keep(training_set(studied.bench, sets, training), "training.h5")
    told = studied.write(found, {"training": training})
    emit(told, given["as_json"], f"{found.text()}\n{told['page']}")


@study.command()
@click.option("--background", default="bi214", show_default=True, help="A source.")
@click.option(
    "--replicas",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Detectors that the errors of the calibration allow; none with --nominal.",
)
@study_options
@pass_session
def conditions(
    session: Session,
    /,
    background: str,
    replicas: int,
    **given: Any,  # noqa: ANN401
) -> None:
    """Judge a classifier by replicas of the detector, and with further dead PMTs."""
    from kzcal.cli.study_bench import Studied
    from kzcal.study.conditions import SHARES, study_conditions

    settle_threads(given["threads"])
    studied = Studied.of(session, given)
    n = 0 if given["nominal"] else replicas
    source = session.plugins().sources.choose(background).prepare()
    with progress("judging", n + len(SHARES) + 1, quiet=session.quiet) as advance:
        found = study_conditions(
            studied.bench,
            (background, source),
            studied.replicas(n),
            studied.config,
            advance,
        )
    told = studied.write(found, {"background": background, "replicas": n})
    emit(told, given["as_json"], f"{found.text()}\n{told['page']}")
