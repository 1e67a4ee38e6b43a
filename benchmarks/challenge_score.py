"""How well the challenge's first period is calibrated, as the tables of docs/calibration.md.

    python benchmarks/challenge_score.py [--challenge DIR] [--write docs/challenge.md]

Calibrates period A, and a tenth of its events, scores both with the challenge's own score.py and
writes the figures as Markdown. It needs the challenge data ($KZCAL_CHALLENGE, else
../shared/challenge beside the checkout).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch

from kzcal import __version__
from kzcal.calibrate.config import CalibrationConfig
from kzcal.calibrate.driver import calibrate_run
from kzcal.calibrate.payloads import response_payload
from kzcal.conditions.payload import InputFile, Lineage
from kzcal.conditions.table import write_table
from kzcal.geometry import load_detector
from kzcal.hits import Events
from kzcal.io.events import open_events, write_events

TARGETS = {
    "qe": 1.10,
    "gain": 1.20,
    "spe_width": 1.20,
    "time_offset": 1.15,
    "tts": 1.20,
    "dark_rate": 1.08,
}
TENTH = 10


def every_tenth(source: Path, target: Path) -> np.ndarray:
    """Write every tenth event of a run; the rows that were kept."""
    detector = load_detector()
    with open_events(source, detector) as run:
        rows = np.arange(3, run.n_events, TENTH)

        def kept() -> Iterator[Events]:
            start = 0
            for chunk in run.chunks():
                inside = rows[(rows >= start) & (rows < start + len(chunk))] - start
                start += len(chunk)
                yield chunk.take(inside)

        write_events(target, run.header, kept(), run.muons)
    return rows


def thin_truth(source: Path, target: Path, rows: np.ndarray) -> None:
    """Write the truth of the events that were kept."""
    with h5py.File(source) as full, h5py.File(target, "w") as thin:
        for name in full:
            if name != "events":
                full.copy(name, thin)
        for name in full["events"]:
            thin[f"events/{name}"] = full["events"][name][()][rows]


def scored(events: Path, truth: Path, score: Path, table: Path) -> tuple[dict[str, dict], float]:
    """Calibrate a run and score its table; the scores and the seconds it took."""
    config, detector = CalibrationConfig(), load_detector()
    start = time.perf_counter()
    with open_events(events, detector) as run:
        result = calibrate_run(
            run,
            detector,
            config,
            samples={},
            device=torch.device("cpu"),
            advance=lambda _hits: None,
        )
    seconds = time.perf_counter() - start
    lineage = Lineage(
        (InputFile(events.name, "0" * 64),), __version__, {}, config.as_dict(), config.seed
    )
    write_table(response_payload(result, lineage, {}), table)
    done = subprocess.run(
        [sys.executable, str(score), str(table), str(events), str(truth)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), seconds


def as_markdown(title: str, scores: dict[str, dict], seconds: float) -> str:
    """One table of figures."""
    found = (
        f"Bad PMTs found {scores['bad_found']}, exchanged cables {scores['swapped_found']}, good "
        f"ones lost {scores['good_lost']}; {seconds:.0f} s."
    )
    lines = [
        f"### {title}",
        "",
        found,
        "",
        "| quantity | error over bound | target | pull width | 17-inch | 20-inch | bias |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, target in TARGETS.items():
        row = scores[name]
        lines.append(
            f"| {name} | {row['ratio']:.3f} | {target:.2f} | {row['pull_mad']:.2f} | "
            f"{row['pull17']:.2f} | {row['pull20']:.2f} | {row['bias']:+.4f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print or write."""
    beside = Path(__file__).resolve().parents[1].parent / "shared" / "challenge"
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("KZCAL_CHALLENGE", beside))
    parser.add_argument("--challenge", type=Path, default=default)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    full = options.challenge / "period_A.h5"
    truth = options.challenge / "period_A_truth.h5"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tenth, tenth_truth = work / "tenth.h5", work / "tenth_truth.h5"
        thin_truth(truth, tenth_truth, every_tenth(full, tenth))
        score = work / "challenge" / "score.py"
        shutil.copytree(options.challenge.parent / "geometry", work / "geometry")
        score.parent.mkdir()
        shutil.copy(options.challenge / "score.py", score)
        text = as_markdown("Period A", *scored(full, truth, score, work / "a.csv"))
        text += "\n" + as_markdown(
            "A tenth of its events", *scored(tenth, tenth_truth, score, work / "t.csv")
        )
    command = "`python benchmarks/challenge_score.py --write docs/challenge.md`"
    text = f"# Figures on the challenge data\n\nWritten by {command}.\n\n{text}"
    if options.write:
        options.write.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
