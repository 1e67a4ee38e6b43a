"""``kzcal kamnet-reconstruct``: vertex, energy and time by the network's trunk."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from kzcal.cli.corrections import constants_options, corrections
from kzcal.cli.events import detector_option
from kzcal.cli.machine import device_option, settle_threads, threads_option
from kzcal.cli.output import emit, json_option, progress
from kzcal.cli.session import Session, pass_session


@click.group()
def kamnet_reconstruct() -> None:
    """Reconstruct vertex, energy and time with KamNet's trunk, fitted to simulated events."""


run_option = click.option(
    "--run", type=click.IntRange(0), help="Run whose constants are taken; else that of EVENTS."
)


@kamnet_reconstruct.command()
@click.argument("events", nargs=-1, required=True, type=click.Path(path_type=Path))
@constants_options
@run_option
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Directory of the model."
)
@detector_option
@click.option(
    "--epochs", type=click.IntRange(1), default=20, show_default=True, help="Turns of a stage."
)
@click.option("--most", type=click.IntRange(1), help="Events of each file that take part.")
@click.option("--seed", type=click.IntRange(0), default=1, help="Decides every random number.")
@device_option
@threads_option
@json_option
@pass_session
def train(
    session: Session,
    events: tuple[Path, ...],
    location: str | None,
    tag: str | None,
    nominal: bool,
    run: int | None,
    out: Path,
    detector_name: str,
    epochs: int,
    most: int | None,
    seed: int,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Fit a reconstruction to simulated events.

    EVENTS are files of `kzcal simulate` with their truth. No vertex, energy or time in them is
    looked at but the emission time, which the truth does not hold.
    """
    settle_threads(threads)
    import torch

    from kzcal import __version__
    from kzcal.calibrate.machine import choose_device
    from kzcal.conditions.payload import InputFile
    from kzcal.geometry import load_detector
    from kzcal.training.directory import TrainedDirectory
    from kzcal_kamnet.reconstruction_files import Labelled, labelled, together
    from kzcal_kamnet.reconstruction_model import ReconstructionManifest, write_model
    from kzcal_kamnet.reconstruction_training import Recipe, fitted

    detector, chosen = load_detector(detector_name), choose_device(device)
    known, inputs, digests = corrections(location, tag, nominal), [], []
    parts: list[Labelled] = []
    with ExitStack() as stack:
        for path in events:
            source = stack.enter_context(session.open_events(path, detector))
            asked = source.header.run if run is None else run
            correction, digest = known.of(asked, detector)
            parts.extend(labelled(source, correction, detector, chosen, most))
            inputs.append(InputFile(path.name, source.digest()))
            digests.append(digest)
    whole = together(parts)
    network, lines = fitted(whole.events, whole.truth, Recipe(epochs=epochs), seed=seed)
    manifest = ReconstructionManifest(
        seed=seed,
        epochs=epochs,
        detector=Path(detector_name).name,
        detector_digest=detector.digest,
        inputs=tuple(inputs),
        constants=tuple(digests),
        n_events=len(whole.truth.energy),
        versions={"kzcal": __version__, "torch": torch.__version__},
    )
    write_model(TrainedDirectory(out), manifest, network, detector_name)
    text = "\n".join([*lines, f"wrote {out}: fitted to {manifest.n_events} events"])
    emit({"out": out, "n_events": manifest.n_events, "stages": lines}, as_json, text)


@kamnet_reconstruct.command("apply")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("events", type=click.Path(path_type=Path))
@constants_options
@run_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Event file to write (HDF5); it is replaced if it is there.",
)
@device_option
@threads_option
@json_option
@pass_session
def apply_model(
    session: Session,
    model: Path,
    events: Path,
    location: str | None,
    tag: str | None,
    nominal: bool,
    run: int | None,
    out: Path,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Reconstruct the events of a file by a fitted model.

    MODEL is a directory of `kzcal kamnet-reconstruct train`. The events go to OUT with x, y, z,
    energy and t0 replaced and all else kept, truth included; forced triggers and events of fewer
    than 20 hits have NaN there.
    """
    settle_threads(threads)
    from kzcal.calibrate.machine import choose_device
    from kzcal.io.atomic import check_writable
    from kzcal.training.directory import TrainedDirectory
    from kzcal_kamnet.reconstruction_files import reconstruct_file
    from kzcal_kamnet.reconstruction_model import read_model

    check_writable(out)
    directory, chosen = TrainedDirectory(model), choose_device(device)
    manifest, network = read_model(directory, chosen)
    detector = directory.open_detector(manifest)
    known = corrections(location, tag, nominal)
    with (
        session.open_events(events, detector) as source,
        progress("reconstructing", source.n_events, quiet=session.quiet) as advance,
    ):
        correction, _ = known.of(source.header.run if run is None else run, detector)
        done = reconstruct_file(
            source, network, correction, detector, out, device=chosen, advance=advance
        )
    text = (
        f"wrote {done.out}: run {done.run}, {done.n_events} events, vertices of {done.n_fitted} "
        f"of {done.n_physics} physics triggers"
    )
    emit(done, as_json, text)
