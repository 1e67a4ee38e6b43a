"""``kzcal sensitivity``: the half-life that an experiment is expected to exclude."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.output import emit, json_option, plain, progress, table
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.sensitivity.study import Sensitivity

FILE = click.Path(path_type=Path)
RESULT = "sensitivity.json"
N_PARTS = 6


@click.command()
@click.option(
    "--preset",
    help="Experiment that kzcal knows: klz-800, klz-800-complete or kamland2-zen.",
)
@click.option("--config", "settings", type=FILE, help="TOML file of an experiment instead.")
@click.option(
    "--rejection",
    "rejections",
    multiple=True,
    metavar="BACKGROUND[,...]=REJECTED:ACCEPTED|FILE.json[:SCORE]",
    help="Cut for backgrounds in place of the experiment's own, or a score to cut on.",
)
@click.option("--days", type=click.FloatRange(0, min_open=True), help="Livetime instead.")
@click.option(
    "--toys",
    type=click.IntRange(10),
    default=200,
    show_default=True,
    help="Data sets that are made up to see the scatter.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of these.")
@click.option(
    "--out",
    type=FILE,
    required=True,
    help="Directory for OUT/index.html and OUT/sensitivity.json; made where there is none.",
)
@json_option
@pass_session
def sensitivity(
    session: Session,
    preset: str | None,
    settings: Path | None,
    rejections: tuple[str, ...],
    days: float | None,
    toys: int,
    seed: int,
    out: Path,
    as_json: bool,
) -> None:
    """Tell which half-life of 136Xe an experiment is expected to exclude.

    Decays without neutrinos are counted in bins of visible energy and radius above backgrounds
    whose rates are uncertain; the limit is that of the profile likelihood at 90 %. A rejection is
    two shares, as in long-lived=0.42:0.914, or a file that `kzcal combine` wrote, on whose score
    the cut of the largest half-life is sought. Without --preset and --config it is klz-800.

    Writes OUT/index.html, a page that needs no other file, and OUT/sensitivity.json with every
    number. docs/sensitivity.md tells what each is.
    """
    if preset is not None and settings is not None:
        reason = "an experiment is a preset or a file, got both: leave out --preset or --config"
        raise click.UsageError(reason)
    from dataclasses import replace

    from kzcal.cli.report import made_directory
    from kzcal.io.atomic import replacing
    from kzcal.sensitivity.cuts import parsed
    from kzcal.sensitivity.page import PAGE, write_page
    from kzcal.sensitivity.preset import load_experiment, load_preset
    from kzcal.sensitivity.study import study

    experiment = (
        load_preset(preset or "klz-800") if settings is None else load_experiment(settings)
    )
    experiment = experiment if days is None else replace(experiment, days=days)
    taken = [parsed(text) for text in rejections]
    with progress("counting", N_PARTS, quiet=session.quiet) as advance:
        found = study(experiment, taken, toys=toys, seed=seed, advance=advance)
    directory = made_directory(out)
    inputs = {"experiment": preset or settings or "klz-800", "rejection": rejections}
    write_page(directory / PAGE, found, plain(inputs))
    result = plain({**found.as_dict(), "inputs": inputs})
    import json

    with replacing(directory / RESULT) as unfinished:
        unfinished.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    emit(result, as_json, text(found, directory / PAGE))


def text(found: Sensitivity, page: Path) -> str:
    """The limit, what is counted, and where the page is."""
    low, middle, high = found.band
    rows = [(name, f"{events:.2f}") for name, events in found.counted.backgrounds.items()]
    low_mev, high_mev = found.experiment.reference.energy
    lines = [
        f"{found.experiment.name}, {found.experiment.exposure:.0f} kg yr of 136Xe",
        f"expected 90 % limit: {found.half_life:.3g} years",
        f"made-up data: median {middle:.3g}, 68 % from {low:.3g} to {high:.3g} years",
        f"by counting from {low_mev} to {high_mev} MeV: {found.counted.half_life:.3g} years",
        table(
            ("background", "events"),
            [*rows, ("signal at 1e26 years", f"{found.counted.signal:.2f}")],
        ),
    ]
    for scan in found.cut_scans:
        cut = scan.cuts[scan.best]
        lines.append(
            f"best cut for {', '.join(scan.backgrounds)}: {cut.rejected:.1%} rejected at "
            f"{cut.accepted:.1%} accepted, {scan.half_lives[scan.best] / scan.none:.3f} times the "
            "half-life without it"
        )
    radius, shells, clean = found.fiducial
    lines.append(
        f"fiducial volume: best within {radius:.2f} m by energy alone; shells out to the film "
        f"gain a factor {shells:.3f}, and {clean:.3f} without the film's events"
    )
    return "\n".join([*lines, str(page)])
