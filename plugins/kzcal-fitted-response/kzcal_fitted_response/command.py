"""``kzcal response-table``: the constants of a trained model as a calibration table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kzcal.cli.output import emit, json_option
from kzcal.errors import ConfigurationError

if TYPE_CHECKING:
    from kzcal.conditions.payload import Lineage
    from kzcal.translate.model import ModelDirectory, TranslatorManifest


@click.command()
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="CSV file to write; an existing one is replaced.",
)
@json_option
def response_table(model: Path, out: Path, as_json: bool) -> None:
    """Write the constants that a fitted response has learned as a calibration table.

    MODEL is a directory of ``kzcal translate train fitted-response``. The table has the columns
    of ``kzcal db export``, and ``kzcal db import`` takes it.
    """
    from kzcal.conditions.table import write_table
    from kzcal.training.directory import WEIGHTS
    from kzcal.training.tensors import read_tensors
    from kzcal.translate.model import ModelDirectory
    from kzcal_fitted_response import FITTED_RESPONSE
    from kzcal_fitted_response.payload import response_payload

    directory = ModelDirectory(model)
    manifest = directory.manifest()
    if manifest.translator != FITTED_RESPONSE.name:
        message = (
            f"a table is written of a model of {FITTED_RESPONSE.name}, got one of "
            f"{manifest.translator} in {model}"
        )
        raise ConfigurationError(message)
    weights, _ = read_tensors(model / WEIGHTS)
    lineage = lineage_of(directory, manifest)
    payload = response_payload(weights, directory.open_detector(manifest), lineage)
    write_table(payload, out)
    n_pmt = len(payload.columns["status"].values)
    emit({"table": out, "pmts": n_pmt}, as_json, f"wrote {n_pmt} PMTs to {out}")


def lineage_of(model: ModelDirectory, manifest: TranslatorManifest) -> Lineage:
    """All that decides the constants of a model.

    Args:
        model: with its weights.
        manifest: of the model.
    """
    from kzcal.conditions.payload import Lineage

    return Lineage(
        inputs=(model.weights_file(), *manifest.inputs),
        code_version=manifest.versions.get("kzcal", ""),
        plugins={k: v for k, v in manifest.versions.items() if k not in {"kzcal", "torch"}},
        configuration={
            "command": "kzcal response-table",
            "translator": manifest.translator,
            "options": dict(manifest.options),
            "settings": dict(manifest.settings),
            "detector": manifest.detector,
            "detector_digest": manifest.detector_digest,
            "run": manifest.run,
        },
        seed=manifest.seed,
    )
