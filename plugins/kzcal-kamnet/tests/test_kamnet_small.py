"""Laws of the small network: what rotations, dead PMTs and vertices do to what it sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kzcal_kamnet import KAMNET
from kzcal_kamnet.arrival import STEP, Arrival
from kzcal_kamnet.classifier import COUNTED, count_arrival, counted_rows
from kzcal_kamnet.harmonics import size
from kzcal_kamnet.light import SeenLight
from kzcal_kamnet.onnx import write_onnx
from kzcal_kamnet.pictures import DEGREE, KNOTS, N_CHANNEL, picture
from kzcal_kamnet.small import SmallNetwork, grid_of_axes
from kzcal_kamnet.templates import two_site_filters
from scipy.spatial.transform import Rotation

from kzcal.classify.config import chosen_options
from kzcal.classify.corrected import LIGHT_SPEED
from kzcal.errors import ConfigurationError
from kzcal.geometry import load_detector
from kzcal.learning import Trained

RISE, FALL = 1.2, 6.0
"""Width of the edge and decay time of made-up light, ns."""


def light(
    n_event: int = 40, n_hit: int = 400, *, seed: int = 1, shift: np.ndarray | None = None
) -> SeenLight:
    """Light of points at the centre, reconstructed at ``shift``, m, in a sphere of 8.5 m."""
    generator = np.random.default_rng(seed)
    place = generator.normal(size=(n_event * n_hit, 3))
    place *= 8.5 / np.linalg.norm(place, axis=1, keepdims=True)
    event = np.repeat(np.arange(n_event), n_hit)
    offset = place if shift is None else place - shift[event]
    time = generator.exponential(FALL, len(event)) + generator.normal(0.0, RISE, len(event))
    residual = time + (8.5 - np.linalg.norm(offset, axis=1)) / LIGHT_SPEED
    return SeenLight(
        torch.from_numpy(event),
        torch.from_numpy(generator.integers(0, 4, len(event))),
        torch.from_numpy(residual).float(),
        torch.from_numpy(offset).float(),
        torch.full((n_event,), 2.3),
    )


@pytest.fixture(scope="module")
def arrival() -> Arrival:
    """Counted from light of points at their true place."""
    counted = Arrival()
    counted.count(light(400, 500, seed=7))
    return counted


@pytest.fixture(scope="module")
def network(arrival: Arrival) -> SmallNetwork:
    """Begun as likelihood ratios, its norm fed with some events."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        made = SmallNetwork(16, 0.0)
    made.arrival.load_state_dict(arrival.state_dict())
    pictures = picture(*arrival.located(light(seed=8)))
    made.begin(pictures)
    with torch.no_grad():
        made(pictures)
    return made.eval()


def test_a_rotation_leaves_the_score_unchanged(network: SmallNetwork) -> None:
    """PMTs and hits turned together about the vertex, to single precision."""
    seen = light(seed=2)
    turn = Rotation.random(random_state=4).as_matrix()
    turned = replace(seen, from_vertex=seen.from_vertex @ torch.from_numpy(turn).float().T)
    with torch.no_grad():
        first, second = (network(picture(*network.arrival.located(s))) for s in (seen, turned))
    assert first.std() > 0.01, "events differ, or nothing would be tested"
    assert torch.allclose(first, second, atol=2e-4)


def test_a_picture_counts_every_hit_once() -> None:
    """Shares of the knots add up, and a hit has the power of a delta function."""
    seen = light(1, 1)
    drawn = picture(seen, torch.zeros(1, 4))[:, :N_CHANNEL]
    assert drawn[0, :, 0].sum() == pytest.approx(1.0, abs=1e-5)
    power = drawn.sum(1).square()[0]
    for degree in range(DEGREE + 1):
        assert power[degree**2 : size(degree)].sum() == pytest.approx(2 * degree + 1, rel=1e-4)


def test_a_density_is_one_and_has_no_mean_slope(arrival: Arrival) -> None:
    """Integral one, mean slope zero, information that of a width between edge and decay."""
    assert torch.allclose(arrival.density.sum(1) * STEP, torch.ones(4), atol=1e-4)
    assert (arrival.density * arrival.slope).sum(1).abs().max() * STEP < 0.01
    width = arrival.information.rsqrt()
    assert ((width > RISE) & (width < FALL)).all(), f"ns of one hit: {width}"


def test_a_vertex_is_found_within_its_information(arrival: Arrival) -> None:
    """Errors as large as the prior shrink as Cramer and Rao allow, and no further.

    The width of 1,200 errors is known to 2 %; the bound of 12 % is six times that.
    """
    generator = np.random.default_rng(11)
    error = 0.137 / np.sqrt(2.3) / np.sqrt(3.0)
    shift = generator.normal(0.0, error, (400, 3))
    seen = light(400, 400, seed=12, shift=shift)
    _, found = arrival.located(seen)
    left = found[:, :3].double().numpy() + shift
    per_axis = 400 * float(arrival.information.mean()) / 3.0 / LIGHT_SPEED**2
    expected = (per_axis + error**-2) ** -0.5
    assert left.std() == pytest.approx(expected, rel=0.12)
    assert left.std() < 0.9 * error


def test_an_axis_of_two_sites_is_found_by_its_filter(arrival: Arrival) -> None:
    """Two sites apart along z: on that axis alone the likelihood ratio prefers them.

    Its logarithm is seven of its deviations from zero there, five for the opposite axis and seven
    for light of one site.
    """
    generator = np.random.default_rng(5)
    n_event, n_hit, distance = 60, 2000, 0.8
    seen = light(n_event, n_hit, seed=6)
    cosine = seen.from_vertex[:, 2] / 8.5
    delay = distance * (1.0 / 0.299792458 + cosine / LIGHT_SPEED)
    first = torch.from_numpy(generator.random(n_event * n_hit) < 0.5)
    moved = replace(seen, residual=seen.residual + torch.where(first, -delay / 2, delay / 2))
    filters = two_site_filters(arrival, [(distance, 0.5)])[0]
    zonal = [d * d + d for d in range(DEGREE + 1)]
    assert filters.shape == (DEGREE + 1, N_CHANNEL)
    ratio = {}
    for name, light_of, sign in (
        ("with", moved, 1.0),
        ("against", moved, -1.0),
        ("of one", seen, 1.0),
    ):
        turned = replace(light_of, from_vertex=light_of.from_vertex[:, [0, 2, 1]] * sign)
        drawn = picture(turned, torch.zeros(n_event, 4))[:, :N_CHANNEL]
        at_pole = drawn[:, :, zonal] / torch.tensor([2.0 * d + 1 for d in range(5)]).sqrt()
        ratio[name] = torch.einsum("dc,ncd->n", filters, at_pole)
    assert (ratio["with"] > 0.0).all()
    assert (ratio["against"] < 0.0).all()
    assert (ratio["of one"] < 0.0).all()


def test_filters_do_not_answer_to_a_single_site(arrival: Arrival) -> None:
    """Its mean over light of one site is minus an information, but for what knots leave of it."""
    filters = two_site_filters(arrival, [(0.35, 0.5), (0.55, 0.25), (0.55, 0.5), (0.55, 0.75)])
    n_event = 100
    counts = picture(light(n_event, 500, seed=9), torch.zeros(n_event, 4))[:, :N_CHANNEL, 0]
    mean = (counts.sum(0) / counts.sum()) @ filters[:, 0].T
    assert (mean < 0.0).all(), "a likelihood ratio falls where it is not true"


def test_axes_integrate_what_a_network_squares() -> None:
    """Shares of the sphere add up to one; squares of degree four are exact."""
    axes, area = grid_of_axes(14)
    assert area.sum().item() == pytest.approx(1.0, abs=1e-12)
    z = axes[:, 1]
    assert (area @ z**8).item() == pytest.approx(1.0 / 9.0, abs=1e-12)
    assert torch.allclose(axes.norm(dim=1), torch.ones(len(axes), dtype=torch.float64))


def test_counting_at_the_best_place_sharpens_the_edge() -> None:
    """Light of smeared vertices is counted sharper when it is located first."""
    generator = np.random.default_rng(21)
    shift = generator.normal(0.0, 0.15, (400, 3))
    seen = light(400, 400, seed=22, shift=shift)
    once, often = Arrival(), Arrival()
    once.count(seen)
    count_arrival(often, seen)
    assert often.information.mean() > once.information.mean()


@pytest.mark.parametrize("n_signal", [0, 7, COUNTED, 2 * COUNTED - 1, 5 * COUNTED])
def test_light_is_counted_evenly_over_all_signal(n_signal: int) -> None:
    """Of every file of a training, not of the first one alone."""
    signal = np.zeros(3 * n_signal, bool)
    signal[::3] = True
    rows = counted_rows(signal)
    assert len(rows) == min(n_signal, COUNTED)
    assert signal[rows].all()
    if n_signal:
        step = 3 * np.ceil(max(n_signal / COUNTED, 1.0))
        apart = np.diff(rows, append=3 * n_signal)
        assert apart.max() == step
        assert apart.min() >= step - 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("published", 0.5), ("published", 2.0), ("batch", 16.5), ("hidden", 48.5), ("dead", 1.0)],
)
def test_options_that_cannot_be_are_refused(name: str, value: float) -> None:
    """What counts something is whole."""
    options = {option.name: option.default for option in KAMNET.options}
    with pytest.raises(ConfigurationError, match=rf"{name} is .*got {value:g}"):
        chosen_options(KAMNET, None, {**options, name: value})


def test_onnx_tells_the_same(
    network: SmallNetwork, arrival: Arrival, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Written without a word, read by another program, and run on another number of events."""
    onnxruntime = pytest.importorskip("onnxruntime", reason="kzcal-kamnet[onnx] is not there")
    pytest.importorskip("onnxscript", reason="kzcal-kamnet[onnx] is not there")
    options = {"published": 0.0, "batch": 8.0, "rate": 0.1, "schedule": 1.0, "dead": 0.0}
    options |= {"decay": 0.0, "hidden": 16.0, "dropout": 0.0}
    cpu, detector = torch.device("cpu"), load_detector("kamland-zen-800")
    trained = Trained(network.state_dict(), options, detector, cpu)
    assert "logit" in write_onnx(trained, tmp_path / "small.onnx")
    assert capfd.readouterr() == ("", "")
    seen = picture(*arrival.located(light(7, seed=31)))
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    (found,) = session.run(None, {"picture": seen.numpy()})
    with torch.no_grad():
        assert np.allclose(found, network(seen).numpy(), atol=1e-5)


def test_knots_ascend() -> None:
    """So that every hit lies between two."""
    assert np.all(np.diff(KNOTS) > 0)
