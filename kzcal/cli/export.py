"""``kzcal export``: a trained classifier for programs that know nothing of kzcal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click

from kzcal.cli.output import emit, json_option
from kzcal.cli.session import Session, pass_session
from kzcal.errors import ConfigurationError

NAME = "model.onnx"


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Args:
        out: the file.
        inputs_and_outputs: what goes in and what comes out, in one line.
    """

    out: Path
    inputs_and_outputs: str


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--onnx", is_flag=True, required=True, help="Write ONNX, the one format there is.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file, replaced if it is there; else MODEL/model.onnx.",
)
@json_option
@pass_session
def export(session: Session, model: Path, onnx: bool, out: Path | None, as_json: bool) -> None:  # noqa: ARG001  the flag names the format
    """Write the network of a trained classifier as ONNX.

    MODEL is a directory of `kzcal train`. What goes into the network and what comes out depends
    on the classifier, whose plugin says it in one line and whose page tells how events become its
    input.
    """
    import torch

    from kzcal.classify.model import instances, record_of
    from kzcal.io.atomic import replacing

    found = instances(model)
    if len(found) > 1:
        reason = f"one network is exported at a time, got {len(found)} instances in {model}"
        raise ConfigurationError(reason)
    directory = found[0]
    record = record_of(directory, session.plugins().classifiers)
    if record.export is None:
        reason = f"classifier {record.name} cannot be written as ONNX: ask its plugin's author"
        raise ConfigurationError(reason)
    detector = directory.open_detector(directory.manifest())
    path = model / NAME if out is None else out
    with replacing(path) as unfinished:
        told = record.export(directory.trained(detector, torch.device("cpu")), unfinished)
    written = Exported(path, told)
    emit(asdict(written), as_json, f"{path}: {told}")
