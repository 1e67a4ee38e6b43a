"""The baseline text as payloads: nominal constants for every PMT of a detector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

import kzcal
from kzcal.conditions.baseline_text import BaselineText, Constant, TagText, read_baseline
from kzcal.conditions.canonical import sha256
from kzcal.conditions.payload import Column, InputFile, Lineage, Payload
from kzcal.conditions.quantities import GOOD, QUANTITIES, RESPONSE
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector, load_detector


def nominal_tags(directory: Path) -> tuple[tuple[TagText, Payload], ...]:
    """Every tag that the baseline text describes, with the constants of its detector's PMTs.

    Args:
        directory: holds tags.toml, periods.toml, constants/ and detectors/.

    Raises:
        ConfigurationError: a file, key or value is wrong.
        DetectorError: the same for a detector's description.
    """
    text = read_baseline(directory)
    return tuple((tag, _payload(tag, text, directory)) for tag in text.tags)


def nominal_columns(
    detector: Detector, constants: Mapping[int, Mapping[str, Constant]]
) -> dict[str, Column]:
    """The columns of "pmt-response" for every PMT, each type with its nominal constants.

    Args:
        detector: with the type of each PMT.
        constants: by diameter in inches, then by quantity.

    Raises:
        ConfigurationError: a PMT type has no constants.
    """
    sizes, of_type = np.unique(detector.diameter_inch, return_inverse=True)
    missing = [int(size) for size in sizes if size not in constants]
    if missing:
        message = (
            f"every PMT type has nominal constants, got none for {missing[0]} inch: add a file "
            f"with diameter_inch = {missing[0]} to constants/"
        )
        raise ConfigurationError(message)
    columns = bookkeeping(np.full(detector.n_pmt, GOOD))
    for quantity in QUANTITIES:
        nominal = [constants[int(size)][quantity.name] for size in sizes]
        values = np.array([constant.value for constant in nominal])[of_type]
        errors = np.array([constant.error for constant in nominal])[of_type]
        columns[quantity.name] = Column(values, quantity.unit, quantity.doc, errors)
    return columns


def bookkeeping(status: Shaped[np.ndarray, " pmt"]) -> dict[str, Column]:
    """The columns beside the constants, for constants that no hit went into.

    Args:
        status: "good", or a word for what is wrong.
    """
    n_pmt = len(status)
    return {
        "status": Column(status, "", "good, or a word for what is wrong"),
        "reason": Column(np.full(n_pmt, ""), "", "why the status is what it is"),
        "partner": Column(np.full(n_pmt, -1), "1", "PMT of the exchanged cable, -1 for none"),
        "n_hits": Column(np.zeros(n_pmt, np.int64), "1", "hits that the constants rest on"),
    }


def _payload(tag: TagText, text: BaselineText, directory: Path) -> Payload:
    file = directory / "detectors" / f"{tag.period.detector}.toml"
    detector = load_detector(file)
    inputs = (InputFile(path.name, sha256(path.read_bytes())) for path in (*text.files, file))
    lineage = Lineage(
        inputs=tuple(inputs),
        code_version=kzcal.__version__,
        configuration={"tag": tag.name, "detector": detector.name, "digest": detector.digest},
    )
    return Payload(RESPONSE, nominal_columns(detector, text.constants), None, lineage)
