"""``kzcal events``: look into event files, draw events and convert ntuples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session

if TYPE_CHECKING:
    from kzcal.geometry import Detector
    from kzcal.hits import Events
    from kzcal.io.events import EventReader, EventSource

LAYOUTS = ("auto", "kamland", "ratpac")

detector_option = click.option(
    "--detector",
    "detector_name",
    default="kamland-zen-800",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Detector that the PMT numbers belong to.",
)


@click.group()
def events() -> None:
    """Look into event files, draw events and convert ntuples."""


@events.command()
@click.argument("file", type=click.Path(path_type=Path))
@detector_option
@json_option
@pass_session
def inspect(session: Session, file: Path, detector_name: str, as_json: bool) -> None:
    """Check every hit of FILE and say what it holds.

    Prints the header, the numbers of events, hits and muons, hits dropped because their time or
    charge is not a number, quantiles of NHit and energy, and the PMTs that never fired. A file
    that breaks its format is refused in one sentence, with exit code 1.
    """
    from kzcal.cli import event_summary
    from kzcal.geometry import load_detector

    detector = load_detector(detector_name)
    with (
        session.open_events(file, detector) as source,
        progress("reading", source.n_events, quiet=session.quiet) as advance,
    ):
        summary = event_summary.summarise(file, source, detector, advance)
    emit(summary, as_json, event_summary.text(summary))


@events.command()
@click.argument("ntuple", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="auto",
    show_default=True,
    help="Layout of the ntuple; auto takes any format that recognises the file.",
)
@detector_option
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=0.1695,
    show_default=True,
    help="kamland: effective speed of light of the time of flight to put back, m/ns.",
)
@click.option("--t0", default=0.0, show_default=True, help="ratpac: emission time, ns.")
@click.option("--run", default=0, show_default=True, help="ratpac: run number.")
@json_option
@pass_session
def convert(
    session: Session,
    ntuple: Path,
    out: Path,
    layout: str,
    detector_name: str,
    speed: float,
    t0: float,
    run: int,
    as_json: bool,
) -> None:
    """Convert NTUPLE to the event file OUT (HDF5), replacing OUT if it is there.

    Knows ROOT ntuples of the KamLAND-Zen simulation and production (tree nt) and of RAT-PAC 2
    (tree output), and whatever formats plugins add. OUT appears whole or not at all.
    """
    from kzcal.geometry import load_detector
    from kzcal.io.events import write_events
    from kzcal.io.ntuple_layout import Conventions
    from kzcal.io.ntuples import kamland_reader, ratpac_reader

    conventions = Conventions(speed=speed, t0=t0, run=run)
    readers = {"kamland": kamland_reader(conventions), "ratpac": ratpac_reader(conventions)}
    detector = load_detector(detector_name)
    with (
        _open(session, ntuple, detector, readers, layout) as source,
        progress("converting", source.n_hits, quiet=session.quiet) as advance,
    ):
        write_events(out, source.header, _watched(source.chunks(), advance), source.muons)
        done = {
            "out": out,
            "run": source.header.run,
            "n_events": source.n_events,
            "n_hits": source.n_hits - source.dropped,
            "n_dropped": source.dropped,
        }
    text = (
        f"wrote {out}: run {done['run']}, {done['n_events']} events, {done['n_hits']} hits; "
        f"dropped {done['n_dropped']} hits whose time or charge is not a number"
    )
    emit(done, as_json, text)


@events.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--event", "number", type=int, required=True, help="Number of the event.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The picture: .png, .pdf, .svg ...  [default: FILE_event_NUMBER.png]",
)
@detector_option
@json_option
@pass_session
def display(
    session: Session, file: Path, number: int, out: Path | None, detector_name: str, as_json: bool
) -> None:
    """Draw one event of FILE.

    The picture shows its hits on the sphere of PMTs, coloured by the time after emission and
    flight from the reconstructed vertex, with an area that grows with the charge; a histogram of
    these times; and where the vertex lies, with the truth beside it if the file has one.
    """
    from kzcal.cli.event_picture import draw, find_event, picture_of
    from kzcal.geometry import load_detector

    detector = load_detector(detector_name)
    with session.open_events(file, detector) as source:
        picture = picture_of(find_event(source, number, file), source.header.run, detector)
    path = out or Path(f"{file.stem}_event_{number}.png")
    draw(picture, detector, path)
    done = {"out": path, "event": number, "n_hits": len(picture.time)}
    emit(done, as_json, f"drew {picture.title} into {path}")


def _open(
    session: Session,
    path: Path,
    detector: Detector,
    readers: Mapping[str, EventReader],
    layout: str,
) -> EventSource:
    """Open an ntuple with the user's conventions, or any other format with its own reader."""
    if layout != "auto":
        return readers[layout].open(path, detector)
    for reader in readers.values():
        if path.is_file() and reader.recognise(path):
            return reader.open(path, detector)
    return session.open_events(path, detector)


def _watched(chunks: Iterable[Events], advance: Callable[[float], None]) -> Iterator[Events]:
    """The same chunks, telling a progress bar how many hits went past."""
    for chunk in chunks:
        yield chunk
        advance(len(chunk.hits.pmt))
