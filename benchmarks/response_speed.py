"""How fast the response reports the hits of events of 2 MeV.

    python benchmarks/response_speed.py [--events 500] [--repeat 7] [--threads 1]
        [--write docs/response.md]

Photoelectrons are drawn beforehand, from the light map of bare geometry with the light of
KamLAND-Zen 800, for PMTs of relative efficiency 1.6. Rates are medians, of events per second of
the clock and per second of processor time; the latter is what a busy machine does not disturb.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from pages import table, write_part

from kzcal.geometry import load_detector
from kzcal.light import LightSites
from kzcal.optics.light_map_analytic import analytic_light_map
from kzcal.response.translator import nominal_response

PHOTONS = 2.0 * 9000.0
EFFICIENCY = 0.16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    detector, n = load_detector(), options.events
    light_map = analytic_light_map(detector, efficiency=EFFICIENCY)
    response = nominal_response(detector)
    generator = torch.Generator().manual_seed(1)
    zeros = torch.zeros(n)
    sites = LightSites(
        event=torch.arange(n),
        position=2.0 * torch.randn(n, 3, generator=generator).clamp(-1.7, 1.7),
        time=zeros,
        direction=torch.tensor([[0.0, 0.0, 1.0]]).repeat(n, 1),
        scintillation=torch.full((n,), PHOTONS),
        cherenkov=zeros,
        beta=torch.ones(n),
        profile=zeros.long(),
        medium=torch.ones(n, dtype=torch.long),
    )
    light = light_map.sample(sites, generator=generator)
    window = (torch.full((n,), -150.0), torch.full((n,), 350.0))
    rows = []
    for _ in range(options.repeat):
        clock, busy = time.perf_counter(), time.process_time()
        pulses = response.sample(light, window, ceiling=light_map.ceiling, generator=generator)
        rows.append((n / (time.perf_counter() - clock), n / (time.process_time() - busy)))
    clock_rate, busy_rate = (statistics.median(column) for column in zip(*rows, strict=True))
    cells = (
        f"{len(light.pmt) / n:.0f}",
        f"{len(pulses.pmt) / n:.0f}",
        options.threads,
        f"{clock_rate:.0f}",
        f"{busy_rate:.0f}",
    )
    head = ("photoelectrons drawn", "hits", "threads", "events/s", "events per CPU second")
    print(table(head, [cells]))
    if options.write is not None:
        write_part(options.write, "response_speed", table(head, [cells]))


if __name__ == "__main__":
    main()
