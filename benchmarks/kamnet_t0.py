"""What kamnet and trees on times reject when t0 is found from the light, as in data.

    kzcal reconstruct topology_train.h5 --db kz.db --tag TAG --run RUN --out reconstructed.h5
    kzcal train kamnet reconstructed.h5 --set-aside 0.2 --schedule 300 --steps 350 .. --out KAMNET2
    kzcal train time-trees reconstructed.h5 --set-aside 0.2 --steps 300 .. --out TREES2
    python benchmarks/kamnet_t0.py KAMNET TREES --reconstructed reconstructed.h5 KAMNET2 TREES2
        --db kz.db --tag TAG --run RUN [--write docs/kamnet.md]

KAMNET and TREES are trained on the challenge's topology_train.h5 as it is, with --set-aside 0.2;
all are judged by the last fifth of each kind.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from kamnet_small import CPU, DETECTOR, Labels, area, held_out, rejection, told
from kzcal_kamnet.classifier import trained_network
from kzcal_kamnet.light import SeenLight
from kzcal_kamnet.small import SmallNetwork
from pages import table, write_part

from kzcal.classify.model import ClassifierDirectory, opened
from kzcal.geometry import Detector, load_detector
from kzcal.learning import CorrectedEvents
from kzcal.plugins import load

CHANGED = "fitted to the hits for a single site; trained as above"
RECONSTRUCTED = "vertex, energy and t0 of `kzcal reconstruct`; trained with them"


def later(events: CorrectedEvents, model: Path, detector: Detector) -> np.ndarray:
    """How much later a single site fits each event best than t0 says, ns."""
    network = trained_network(ClassifierDirectory(model).trained(detector, CPU))
    if not isinstance(network, SmallNetwork):
        message = f"the small network of kamnet knows when light arrives, got another: {model}"
        raise SystemExit(message)
    _, shift = network.arrival.located(SeenLight.of(events, detector, CPU))
    return np.asarray(shift[:, 3].numpy())


def reached(name: str, models: list[Path], events: CorrectedEvents, signal: Labels) -> list[str]:
    """Rejection and area of kamnet and of trees."""
    records, row = load(installed=True).classifiers, [name]
    for model in models:
        score = opened(model, records, CPU).classifier.score(events)
        row += [told(rejection, score, signal), told(area, score, signal)]
    return row


def main() -> None:
    """Judge the models with t0 as given and as found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs=2, type=Path, metavar="MODEL")
    parser.add_argument("--reconstructed", nargs=3, type=Path, required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--run", type=int, required=True)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    detector = load_detector(DETECTOR)
    events, signal = held_out(arguments, detector)
    file, *trained = arguments.reconstructed
    found, same = held_out(arguments, detector, file)
    shift = later(events, arguments.models[0], detector)
    hits = events.hits
    time = (hits.time - shift[hits.event_index]).astype(np.float32)
    fitted = replace(events, hits=replace(hits, time=time))
    rows = [
        reached("the decay's own ± 0.35 ns, as in the file", arguments.models, events, signal),
        reached(CHANGED, arguments.models, fitted, signal),
        reached(RECONSTRUCTED, trained, found, same),
    ]
    head = ("t0", "kamnet: rejection", "area", "time-trees: rejection", "area")
    means = [f"{shift[kind].mean():.2f}" for kind in (signal, ~signal)]
    alone = (
        f"A single site fits best {means[0]} ns after the given t0 in bb and {means[1]} ns in "
        f"bi214; this difference alone rejects {told(rejection, -shift, signal)}, with area "
        f"{told(area, -shift, signal)}."
    )
    text = f"{table(head, rows)}\n\n{alone}"
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write_part(arguments.write, "kamnet_t0", text)


if __name__ == "__main__":
    main()
