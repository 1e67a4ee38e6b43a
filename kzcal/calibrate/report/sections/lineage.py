"""Lineage: what made this calibration; the same lineage makes it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kzcal.calibrate.report.templating import fill
from kzcal.conditions.payload import Payload
from kzcal.geometry import Detector


class LineageSection:
    """Inputs with their hashes, versions, configuration and seed."""

    def render(
        self,
        calibration: Payload,
        diagnostics: Payload,
        detector: Detector,
        previous: Payload | None,  # noqa: ARG002  as the protocol
    ) -> str:
        """The lineage of the constants; says so if the diagnostics have another."""
        lineage = calibration.lineage
        digest = lineage.digest()
        return fill(
            "lineage.html",
            lineage=lineage,
            settings=list(settings(lineage.configuration)),
            digest=digest,
            other="" if diagnostics.lineage.digest() == digest else diagnostics.lineage.digest(),
            detector=detector,
        )


def settings(configuration: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Keys with dots between levels, and their values as in JSON."""
    for key, value in sorted(configuration.items()):
        if isinstance(value, Mapping) and value:
            yield from settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.dumps(value, ensure_ascii=False)
