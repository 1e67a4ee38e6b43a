"""``kzcal simulate``: decays, from their sources to an event file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kzcal.cli.db import database_option
from kzcal.cli.interrupts import interrupts_kept
from kzcal.cli.machine import device_option, settle_threads
from kzcal.cli.number_options import number_options
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session
from kzcal.cli.timelines import WithTimelines

if TYPE_CHECKING:
    from kzcal.simulate.cocktail import Cocktail
    from kzcal.simulate.constants import Constants

LIST = "list"


@click.command(
    cls=WithTimelines,
    context_settings={"ignore_unknown_options": True},
    options_metavar="[OPTIONS]",
)
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="[NAME|list] [--SOURCE-OPTION VALUE]..."
)
@click.option(
    "--config",
    "recipe",
    type=click.Path(path_type=Path),
    help="TOML file with a whole run, instead of NAME.",
)
@click.option("--n", "number", type=click.IntRange(0), help="Number of decays of NAME.")
@click.option("--volume", help="Where NAME decays; see below.  [default: xels]")
@click.option("--kind", help="What the truth calls the events, instead of NAME.")
@click.option("--run", type=click.IntRange(0), help="Run number, else the one in --config.")
@click.option("--seed", type=click.IntRange(0), help="Decides the random numbers.  [default: 1]")
@database_option
@click.option("--tag", help="Tag of the database whose constants of the run are taken.")
@click.option("--nominal", is_flag=True, help="Nominal constants, without a database.")
@click.option("--out", type=click.Path(path_type=Path), help="The event file.")
@click.option(
    "--gtq",
    type=click.Path(path_type=Path),
    help="The same events with photoelectrons as hits, before PMTs and electronics.",
)
@click.option(
    "--detector",
    metavar="NAME|FILE.toml",
    help="Detector, else the one in --config, or kamland-zen-800.",
)
@click.option(
    "--light",
    type=click.Choice(["map", "full"]),
    help="Light map, or every photon traced; else that of --config, or map.",
)
@click.option("--optics", help="CSV file of optical tables in place of those known.")
@click.option("--response", help="TOML file in place of detector_db/response.toml.")
@click.option(
    "--quenched",
    metavar="LOWER:UPPER",
    help="Leave events of this quenched energy [MeV], as many of each energy.",
)
@click.option(
    "--vertex",
    metavar="fitted|smeared[:M:NS]",
    help="Vertex, energy and t0 fitted, or the true ones with the errors of the tag's global fit "
    "or of these.  [default: fitted]",
)
@click.option(
    "--least-hits", type=click.IntRange(0), help="Leave out events with fewer hits.  [default: 0]"
)
@click.option(
    "--no-reconstruction",
    is_flag=True,
    help="Leave vertex, energy and t0 unknown (NaN), which is much faster.",
)
@device_option
@click.option("--threads", type=click.IntRange(1), help="Threads of each worker.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes; their number changes nothing in the file.",
)
@json_option
@pass_session
def simulate(
    session: Session,
    words: tuple[str, ...],
    recipe: Path | None,
    number: int | None,
    volume: str | None,
    kind: str | None,
    run: int | None,
    seed: int | None,
    location: str | None,
    tag: str | None,
    nominal: bool,
    out: Path | None,
    gtq: Path | None,
    detector: str | None,
    light: str | None,
    optics: str | None,
    response: str | None,
    quenched: str | None,
    vertex: str | None,
    least_hits: int | None,
    no_reconstruction: bool,
    device: str,
    threads: int | None,
    workers: int,
    as_json: bool,
) -> None:
    """Simulate decays, from their particles to the hits that the detector reports.

    NAME is a source; `kzcal simulate list` says which there are, with their decay data and
    options, such as --energy. The event file has reconstructed columns, found from the hits, and
    the truth beside them. Run, constants and --seed decide every number in it.

    \b
        kzcal simulate bi214 --n 10000 --run 15001 --db kz.db --tag prompt-2026 \\
            --volume xels --seed 7 --out bi214.h5
        kzcal simulate gamma --energy 2.2246 --n 1000 --nominal --out gamma.h5
        kzcal simulate --config cocktail.toml --db kz.db --tag prompt-2026 --out run.h5

    The constants of the PMTs are those of the run under --tag in the database, unless --nominal
    asks for those of the PMT types, the same for every PMT of a type.

    \b
    Volumes: xels (inside the inner balloon), ls (all scintillator), shell:RMIN:RMAX, sphere:R,
    film (inner balloon), balloon (outer balloon), point:X,Y,Z, filled evenly, and edge:DEPTH, the
    scintillator from its edge inwards; in m.

    A TOML file for --config is described in docs/simulation.md: a run of some duration with
    rates, muons with neutron captures after them, and forced triggers, in time order.
    """  # noqa: D301  click reads \b
    if words == (LIST,):
        from kzcal.cli.simulate_text import listing, sources_of

        sources = sources_of(session.plugins())
        emit(sources, as_json, listing(sources))
        return
    if out is None:
        reason = "give --out FILE"
        raise click.UsageError(reason)
    settle_threads(threads)
    import torch

    from kzcal.calibrate.machine import choose_device
    from kzcal.cli.simulate_text import summary
    from kzcal.geometry import load_detector
    from kzcal.io.atomic import check_writable
    from kzcal.simulate.run import write_simulation
    from kzcal.simulate.setup import Setup

    given = {
        "run": run,
        "seed": seed,
        "detector": detector,
        "light": light,
        "optics": optics,
        "response": response,
        "quenched": quenched,
        "vertex": vertex,
        "least_hits": least_hits,
    }
    for path in (out, gtq):
        if path is not None:
            check_writable(path)
    cocktail = _cocktail(words, recipe, {"number": number, "volume": volume, "name": kind}, given)
    setup = Setup(
        cocktail,
        chosen_constants(nominal, location, tag, cocktail.run),
        session.plugin_files,
        choose_device(device).type,
        keeps_true=gtq is not None,
        reconstructs=not no_reconstruction,
    )
    if cocktail.light == "map" or setup.fits:
        session.announce_light_map(load_detector(cocktail.detector))
    simulation = setup.open()
    total = sum(part.n_decays for part in simulation.components)
    with (
        interrupts_kept() as check,
        progress("simulating", total, quiet=session.quiet) as advance,
    ):

        def watch(n_events: float) -> None:
            check()
            advance(n_events)

        written = write_simulation(
            setup,
            out,
            gtq,
            workers=workers,
            threads=threads or max(1, torch.get_num_threads() // workers),
            advance=watch,
            simulation=simulation,
        )
    emit(written, as_json, summary(written))


def _cocktail(
    words: Sequence[str],
    recipe: Path | None,
    amount: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Cocktail:
    """What is to be simulated, from --config or from NAME, its options and its amount."""
    from kzcal.simulate.cocktail import Cocktail, Ingredient, frozen_options, read_cocktail

    chosen = {key: value for key, value in given.items() if value is not None}
    if recipe is not None:
        if words or any(value is not None for value in amount.values()):
            reason = "--config stands alone: its file says what to simulate, how much and where"
            raise click.UsageError(reason)
        return read_cocktail(recipe, chosen)
    if not words or words[0].startswith("-"):
        reason = "give the NAME of a source first, or --config FILE; `kzcal simulate list` helps"
        raise click.UsageError(reason)
    if amount["number"] is None:
        reason = "give --n, the number of decays"
        raise click.UsageError(reason)
    options = frozen_options(source_options(words[1:]))
    told = {key: value for key, value in amount.items() if value is not None}
    part = Ingredient(words[0], **{"volume": "xels", "options": options, **told})
    return Cocktail(components=(part,), **{"run": 0, **chosen})


def source_options(words: Sequence[str]) -> dict[str, Any]:
    """Options of a source: ``--energy 2.2``, ``--energy=2.2`` or ``--energies 1,2``."""
    return dict(number_options(words, "a source", "kzcal simulate"))


def chosen_constants(nominal: bool, location: str | None, tag: str | None, run: int) -> Constants:
    """Where the constants come from; one way must be chosen."""
    from kzcal.conditions.engine import resolve
    from kzcal.simulate.constants import Constants

    if nominal is (tag is not None):
        reason = "give either --tag with --db (or $KZCAL_DB), or --nominal"
        raise click.UsageError(reason)
    return Constants() if tag is None else Constants.stored(resolve(location), tag, run)
