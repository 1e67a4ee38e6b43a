"""Where the reviewed baseline text (detectors, nominal constants, periods, tags) is found."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from kzcal.errors import DetectorError

ENVIRONMENT = "KZCAL_DETECTOR_DB"


def baseline_directory(explicit: Path | None = None) -> Path:
    """Directory of the baseline text: explicit, $KZCAL_DETECTOR_DB, checkout, or packaged.

    The checkout comes before the packaged copy because an editable install keeps a stale copy
    of force-included files.

    Raises:
        DetectorError: none of the four places holds it.
    """
    package = Path(__file__).parent
    named = os.environ.get(ENVIRONMENT)
    places = {
        "the path given": explicit,
        f"${ENVIRONMENT}": Path(named) if named else None,
        "beside the checkout": package.parent / "detector_db",
        "inside the package": package / "_detector_db",
    }
    for place in (explicit, places[f"${ENVIRONMENT}"]):
        if place is not None and not (place / "detectors").is_dir():
            message = f"a baseline directory holds detectors/, got {place}: unset or correct it"
            raise DetectorError(message)
    for place in places.values():
        if place is not None and (place / "detectors").is_dir():
            return place
    looked = ", ".join(f"{name} ({place or 'not set'})" for name, place in places.items())
    message = f"no baseline directory with detectors/ was found; looked in: {looked}"
    raise DetectorError(message)


def baseline_digest() -> str:
    """SHA-256 of the baseline text: of every file's place and content."""
    root = baseline_directory()
    files = sorted(path for path in root.rglob("*") if path.is_file())
    content = [(path.relative_to(root).as_posix(), path.read_bytes()) for path in files]
    return hashlib.sha256(repr(content).encode()).hexdigest()
