"""Histories on CUDA are those of the CPU: on numba's simulator everywhere, on a GPU if any."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.geometry.materials import load_materials
from kzcal.optics.tracer import FullTracer

POINTS = [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]
PHOTONS = 40

PROGRAM = f"""
import json
import numpy as np
from test_tracer_cuda import found_on
from kzcal.optics import photons_cuda
photons_cuda.THREADS, photons_cuda.LAUNCH = 8, 50
with np.errstate(over="ignore"):
    found = found_on("cuda", {PHOTONS})
lists = {{name: getattr(found, name).tolist() for name in ("source", "pmt", "time", "slopes")}}
print(json.dumps(lists | {{"fates": found.fates}}))
"""


def found_on(device, photons):
    """Detections of the same photons, on either device."""
    tracer = FullTracer(load_detector(), load_materials(), device=device)
    return tracer.trace(np.array(POINTS), photons, generator=torch.Generator().manual_seed(3))


def test_simulated_cuda_finds_the_same_photoelectrons():
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    there, here = json.loads(done.stdout), found_on("cpu", PHOTONS)
    assert len(here.pmt) > 3
    assert there["fates"] == here.fates
    for name in ("source", "pmt"):
        assert there[name] == getattr(here, name).tolist()
    np.testing.assert_allclose(there["time"], here.time, rtol=1e-6)
    np.testing.assert_allclose(there["slopes"], here.slopes, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_a_missing_device_is_named():
    with pytest.raises(ConfigurationError, match=r"needs a CUDA device .* choose the device cpu"):
        found_on("cuda", 1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_finds_the_same_photoelectrons():
    # A logarithm may differ in its last digit: a photon in a million may go another way.
    there, here = found_on("cuda", 100_000), found_on("cpu", 100_000)
    same = np.bincount(there.pmt, minlength=1879) - np.bincount(here.pmt, minlength=1879)
    assert np.abs(same).sum() < 10
