"""The runs of a synthetic year as event files, with a file that says what happened in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kzcal.calibrate.demo import write_demo_period
from kzcal.campaign.year import Year
from kzcal.io.atomic import replacing
from kzcal.optics.plain_light import PlainLight

RUNS, TRUTH = "runs", "truth.json"
N_EVENTS = 1500
"""Physics triggers of a run: enough that errors are a few times those of a whole period."""


def write_year(
    out: Path,
    year: Year,
    *,
    n_events: int = N_EVENTS,
    advance: Callable[[float], None] = lambda _runs: None,
) -> tuple[Path, ...]:
    """Write the truth of a year, and the events of each of its runs.

    Args:
        out: directory; gets "truth.json" and "runs/run-00001.h5" and so on.
        year: what the runs are made with.
        n_events: physics triggers of each run; a sixth as many forced ones come on top.
        advance: called with each run that is written.

    Returns:
        The files of the runs, in order.

    Raises:
        ConfigurationError: a file cannot be written.
    """
    (out / RUNS).mkdir(parents=True, exist_ok=True)
    with replacing(out / TRUTH) as path:
        path.write_text(json.dumps(_record(year), indent=1, allow_nan=False) + "\n")
    files = tuple(out / RUNS / name_of(run) for run in year.runs)
    for row, file in enumerate(files):
        write_demo_period(
            file,
            seed=_seed(year.seed, year.runs[row]),
            n_events=n_events,
            run=year.runs[row],
            truth=year.truth(row),
            light=year.light(row),
        )
        advance(1.0)
    return files


def name_of(run: int) -> str:
    """Name of the file of a run."""
    return f"run-{run:05d}.h5"


def _seed(seed: int, run: int) -> int:
    """A seed for each run."""
    return int(np.random.SeedSequence([seed, 6, run]).generate_state(1)[0])


def _record(year: Year) -> dict[str, Any]:
    """The year in JSON's types."""
    start = PlainLight().photoelectrons
    runs = []
    for row, run in enumerate(year.runs):
        light = year.light(row)
        runs.append(
            {
                "run": run,
                "file": f"{RUNS}/{name_of(run)}",
                "day": float(year.day[row]),
                "light_yield": light.photoelectrons / start,
                "attenuation_m": light.attenuation,
            }
        )
    return {"seed": year.seed, "runs": runs, "changes": change_records(year)}


def change_records(year: Year) -> list[dict[str, Any]]:
    """The changes that a run sees, as mappings, in order of time.

    Those of before the first run are among them, which nobody can tell from how the year began.
    """
    spans = ((change, year.span(change)) for change in year.changes)
    return [
        {
            "kind": change.kind,
            "quantity": change.quantity,
            "day": change.day,
            "first_run": span.first,
            "last_run": span.last,
            "cables": list(change.cables),
            "sizes": list(change.sizes),
            "unit": "ns" if change.quantity == "time_offset" else "1",
        }
        for change, span in spans
        if span is not None
    ]
