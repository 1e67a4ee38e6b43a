"""Places of decays fill their volume evenly."""

import numpy as np
import pytest

from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.simulate.volumes import volume

DETECTOR = load_detector()


def places(text: str, n: int = 20_000) -> np.ndarray:
    return volume(text, DETECTOR).sample(n, generator=np.random.default_rng(1))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("xels", 0.0, 1.92), ("ls", 0.0, 6.5), ("shell:2:3", 2.0, 3.0), ("sphere:1.2", 0.0, 1.2)],
)
def test_a_volume_is_filled_evenly(text: str, low: float, high: float):
    radius = np.linalg.norm(places(text), axis=1)
    share = (radius**3 - low**3) / (high**3 - low**3)
    assert share.min() >= 0
    assert share.max() <= 1
    # Mean of 20,000 uniform numbers: 5 sigma are 0.0102.
    assert abs(share.mean() - 0.5) < 0.0102
    assert volume(text, DETECTOR).size == pytest.approx(4 / 3 * np.pi * (high**3 - low**3))


@pytest.mark.parametrize(("text", "radius"), [("film", 1.92), ("balloon", 6.5)])
def test_a_surface_is_covered_evenly(text: str, radius: float):
    found = places(text)
    assert np.allclose(np.linalg.norm(found, axis=1), radius)
    # Each coordinate of an isotropic unit vector has variance 1/3: 5 sigma are 0.0204.
    assert (np.abs(found.mean(axis=0) / radius) < 0.0204).all()
    assert volume(text, DETECTOR).size is None


def test_a_point_is_one_place():
    assert np.array_equal(places("point:1,-2,0.5", 3), [[1, -2, 0.5]] * 3)


@pytest.mark.parametrize(
    "text",
    [
        "xel",
        "sphere",
        "sphere:-1",
        "sphere:9",
        "shell:3:2",
        "point:1,2",
        "point:a,b,c",
        "ls:3",
        "sphere:nan",
        "",
    ],
)
def test_a_volume_that_cannot_be_is_refused_with_the_choices(text: str):
    with pytest.raises(ConfigurationError, match="a volume is xels, ls, shell"):
        volume(text, DETECTOR)


def test_the_edge_is_filled_from_outside():
    radius = np.linalg.norm(places("edge:0.5"), axis=1)
    grid = np.linspace(0.0, 6.5, 200_001)
    weight = grid**2 * np.exp((grid - 6.5) / 0.5)
    mean = (weight @ grid) / weight.sum()
    assert radius.max() <= 6.5
    # 5 sigma of the mean of 20,000 with a spread of 0.46 m.
    assert abs(radius.mean() - mean) < 5 * 0.46 / np.sqrt(20_000)
    inside = weight[grid < 5.5].sum() / weight.sum()
    assert abs(np.mean(radius < 5.5) - inside) < 5 * np.sqrt(inside * (1 - inside) / 20_000)
    assert volume("edge:0.5", DETECTOR).size is None


@pytest.mark.parametrize("text", ["edge", "edge:0", "edge:7"])
def test_an_edge_has_a_depth_within_the_scintillator(text: str):
    with pytest.raises(ConfigurationError, match="edge:DEPTH"):
        volume(text, DETECTOR)
