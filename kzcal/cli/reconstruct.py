"""``kzcal reconstruct``: vertex, energy and time of the events of a file."""

from __future__ import annotations

from pathlib import Path

import click

from kzcal.cli.db import database_option, tag_option
from kzcal.cli.events import detector_option
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@database_option
@tag_option
@click.option(
    "--run", type=click.IntRange(0), help="Run whose constants are taken; else that of FILE."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Event file to write (HDF5); it is replaced if it is there.",
)
@detector_option
@click.option(
    "--photons-per-mev",
    type=click.FloatRange(min=0, min_open=True),
    help="Scintillation photons of one visible MeV; else so many that the 2.2246 MeV gamma of "
    "neutron capture on hydrogen has that energy.",
)
@device_option
@threads_option
@json_option
@pass_session
def reconstruct(
    session: Session,
    file: Path,
    location: str | None,
    tag: str,
    run: int | None,
    out: Path,
    detector_name: str,
    photons_per_mev: float | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Fit vertex, energy and time of the events of FILE.

    Each event is fitted by maximum likelihood to the charges and times of all PMTs, hit or
    silent, with the light map of the detector and the constants that the database has for the run
    under the tag: efficiency, gain, time offset, dark rate and status of every PMT. The events go
    to OUT with x, y, z, energy and t0 replaced and all else kept, truth included. Forced triggers,
    events of fewer than 20 hits and fits that end far outside the scintillator have NaN there.
    OUT appears whole or not at all.

    The light map of a detector is made once, which takes about a minute, and kept on disk.
    """
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.conditions.engine import resolve
    from kzcal.errors import ConfigurationError
    from kzcal.geometry import load_detector
    from kzcal.geometry.adjusted import detector_at
    from kzcal.geometry.materials import load_materials
    from kzcal.io.atomic import check_writable
    from kzcal.optics.light_map_cache import light_map_of
    from kzcal.reconstruct.files import reconstruct_file
    from kzcal.reconstruct.fit import Reconstruction
    from kzcal.reconstruct.scale import photons_per_visible_mev
    from kzcal.response.constants import response_from
    from kzcal.response.nominal import read_nominal
    from kzcal.response.shared import sharing
    from kzcal.simulate.constants import Constants

    check_writable(out)
    detector, chosen = load_detector(detector_name), choose_device(device)
    with (
        session.open_events(file, detector) as source,
        progress("reconstructing", source.n_events, quiet=session.quiet) as advance,
    ):
        if source.header.detector != detector.name:
            reason = (
                f"the light map must be that of FILE's detector, {source.header.detector}, got "
                f"{detector.name}: give --detector"
            )
            raise ConfigurationError(reason)
        asked = source.header.run if run is None else run
        constants = Constants.stored(resolve(location), tag, asked)
        shared = constants.shared()
        if shared:
            detector = detector_at(detector, shared)
        nominal = response_from(
            constants.payload(detector), detector, read_nominal(), device=chosen
        )
        response = sharing(nominal, detector, shared)
        session.announce_light_map(detector)
        light_map = light_map_of(detector, load_materials())
        photons = photons_per_mev or photons_per_visible_mev(detector, light_map)
        fit = Reconstruction(light_map.to(chosen), response, photons_per_mev=photons)
        done = reconstruct_file(source, fit, out, advance=advance)
        dropped = source.dropped
    text = (
        f"wrote {done.out}: run {done.run}, {done.n_events} events, vertices of {done.n_fitted} "
        f"of {done.n_physics} physics triggers; {photons:.0f} photons per visible MeV"
    )
    if dropped:
        text += f"; {dropped} hits dropped: time or charge not a number"
    summary = {"summary": done, "photons_per_mev": photons, "hits_dropped": dropped}
    emit(summary, as_json, text)
