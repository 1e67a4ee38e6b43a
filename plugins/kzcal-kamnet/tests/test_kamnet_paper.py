"""The published network in harmonics: its size, its laws, and that it learns."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from kzcal_kamnet.convolutions import (
    Activation,
    SphereConvolution,
    TurnConvolution,
    TurnNorm,
)
from kzcal_kamnet.grid import Transform
from kzcal_kamnet.harmonics import harmonics, quadrature, size
from kzcal_kamnet.paper import PaperNetwork, SliceNorm, SphericalStage
from kzcal_kamnet.rotations import n_rows, turns, wigner
from kzcal_kamnet.slices import N_SLICE, slice_harmonics
from torch import nn

from kzcal.geometry import load_detector

DEGREE = 3
ANGLES = (0.4, 1.1, -2.0)


def _little() -> PaperNetwork:
    torch.manual_seed(1)
    return PaperNetwork(4, (5, 4, 3, 2), (3, 4, 5, 6), ((2, 3), (3, 2)), (8,))


def _turn() -> torch.Tensor:
    return turns(*(torch.tensor([angle], dtype=torch.float64) for angle in ANGLES))


def _turned(spectrum: torch.Tensor, degree: int) -> torch.Tensor:
    """The function that follows an event which is turned: D on the left of every matrix."""
    found = []
    for at, (d,) in enumerate(wigner(_turn(), degree)):
        own = spectrum[n_rows(at - 1) : n_rows(at)]
        matrix = own.view(2 * at + 1, 2 * at + 1, *own.shape[1:])
        found.append(torch.einsum("mk,kn...->mn...", d.to(own), matrix).flatten(0, 1))
    return torch.cat(found)


def _spectrum(degree: int, *rest: int) -> torch.Tensor:
    return torch.randn(n_rows(degree), *rest, generator=torch.Generator().manual_seed(2))


def test_its_parameters_are_those_of_the_published_one_but_for_what_pixels_hold() -> None:
    network = PaperNetwork()

    def count(part: nn.Module) -> int:
        return sum(p.numel() for p in part.parameters())

    taps = 24 * 22 * 36 + 64 * (36 * 63 + 63 * 74 + 74 * 124)
    widths = (124, 1080, 864, 432, 216, 54, 1)
    layers = sum(a * b + b for a, b in pairwise(widths))
    assert count(network.sphere) == taps + 2 * (36 + 63 + 74 + 124)
    assert count(network.head) == layers + 2 * sum(widths[1:-1])
    assert count(network.attention) == 28 * 22 * 14
    assert count(network) == pytest.approx(3.54e6, rel=0.02)


def test_sphere_convolution_turns_with_the_event() -> None:
    torch.manual_seed(3)
    layer = SphereConvolution(2, 3, DEGREE)
    maps = torch.randn(size(DEGREE + 1), 4, 2, generator=torch.Generator().manual_seed(3))
    matrix = torch.block_diag(*(d[0] for d in wigner(_turn(), DEGREE + 1))).float()
    turned = layer(torch.einsum("hk,kec->hec", matrix, maps))
    assert torch.allclose(turned, _turned(layer(maps), DEGREE), atol=1e-5)


def test_sphere_convolution_is_the_filter_turned_every_way() -> None:
    torch.manual_seed(4)
    layer = SphereConvolution(1, 1, DEGREE)
    maps = torch.randn(size(DEGREE), 1, 1, generator=torch.Generator().manual_seed(4))
    (turn,) = _turn().float()
    taps = layer.matrix @ layer.taps[:, 0, 0]
    turned = torch.cat(
        [d[0].float() @ taps[at * at : (at + 1) ** 2] for at, d in enumerate(wigner(_turn(), 3))]
    )
    rows = [math.sqrt(2 * at + 1) * d.flatten() for at, d in enumerate(wigner(_turn(), 3))]
    value = torch.cat(rows).float() @ layer(maps)[:, 0, 0]
    assert turn.det().item() == pytest.approx(1.0)
    assert value.item() == pytest.approx((turned @ maps[:, 0, 0]).item(), rel=1e-4)


def test_turn_convolution_looks_at_a_function_from_its_taps() -> None:
    layer = TurnConvolution(1, 1, DEGREE)
    nn.init.zeros_(layer.taps)
    with torch.no_grad():
        layer.taps[5] = 1.0
    spectrum = _spectrum(DEGREE, 1, 1)
    tap = turns(
        torch.tensor([2 * math.pi / 16], dtype=torch.float64),
        torch.tensor([math.pi / 2], dtype=torch.float64),
        torch.tensor([math.pi / 8], dtype=torch.float64),
    )

    def value(rows: torch.Tensor, turn: torch.Tensor) -> float:
        matrices = wigner(turn, DEGREE)
        basis = [math.sqrt(2 * at + 1) * d.flatten() for at, d in enumerate(matrices)]
        return float(torch.cat(basis).float() @ rows[:, 0, 0])

    found = value(layer(spectrum).detach(), _turn())
    assert found == pytest.approx(value(spectrum, _turn() @ tap), rel=1e-4)


@pytest.mark.parametrize(
    "layer", [TurnConvolution(2, 3, 2), TurnNorm(2), Activation(DEGREE, 2)], ids=str
)
def test_layers_turn_with_the_event(layer: nn.Module) -> None:
    spectrum = _spectrum(DEGREE, 4, 2)
    straight = layer(spectrum)
    degree = round((3 * len(straight) / 4) ** (1 / 3)) - 1
    assert n_rows(degree) == len(straight)
    turned = layer(_turned(spectrum, DEGREE))
    assert torch.allclose(turned, _turned(straight, degree), atol=2e-5)


def test_norm_leaves_no_mean_and_unit_variance_over_all_rotations() -> None:
    values = Transform(DEGREE, 20, 10).values(TurnNorm(2)(5.0 + 3.0 * _spectrum(DEGREE, 6, 2)))
    weight = torch.from_numpy(np.polynomial.legendre.leggauss(10)[1] / 2.0).float()
    mean = torch.einsum("agbec,b->c", values, weight) / (400 * 6)
    square = torch.einsum("agbec,b->c", values**2, weight) / (400 * 6)
    assert torch.allclose(mean, torch.zeros(2), atol=1e-5)
    assert torch.allclose(square, torch.ones(2), rtol=1e-4)


def test_activation_is_what_a_rectifier_is_to_second_order() -> None:
    normal = torch.randn(200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    row = normal.float().view(1, -1, 1)
    found = Activation(0, 0)(row).flatten().double()
    missing = torch.relu(normal) - found
    for power in range(3):
        assert (missing * normal**power).mean().abs() < 0.01
    assert (missing**2).mean() / (torch.relu(normal) ** 2).mean() == pytest.approx(
        0.022, abs=0.003
    )


def test_mean_of_the_activation_needs_no_grid() -> None:
    spectrum = _spectrum(DEGREE, 4, 2)
    whole = Activation(DEGREE, 1)(spectrum)
    assert torch.allclose(Activation(DEGREE, 0)(spectrum), whole[:1], atol=1e-5)


def test_slices_are_normalised_without_touching_directions() -> None:
    norm = SliceNorm(4, 2, momentum=1.0)
    maps = 3.0 * torch.randn(500, 4, 9, generator=torch.Generator().manual_seed(6)) + 1.0
    found = norm(maps)
    assert found[..., 0].mean(0).abs().max() < 1e-5
    assert torch.allclose((found[..., 0] ** 2).mean(0), torch.ones(4), rtol=1e-3)
    assert torch.allclose(found[..., 4:] / maps[..., 4:], found[:1, :, 4:5] / maps[:1, :, 4:5])


@pytest.mark.parametrize("network", [_little, PaperNetwork], ids=["little", "paper"])
def test_turning_hits_and_pmts_together_leaves_the_score(
    network: Callable[[], PaperNetwork],
) -> None:
    torch.manual_seed(7)
    built = network()
    directions = torch.from_numpy(load_detector().directions)
    generator = torch.Generator().manual_seed(7)
    live = torch.rand(4, len(directions), generator=generator) > 0.1
    axis = torch.nn.functional.normalize(torch.randn(4, 1, 3, generator=generator), dim=-1)
    slope = 0.3 * (1.0 + (axis * directions).sum(-1, keepdim=True).mT.float())
    n_bin = built.norm.mean.shape[0]
    counts = torch.poisson((0.02 * slope).expand(-1, n_bin, -1), generator=generator)
    counts = counts * live[:, None]

    def maps(turn: torch.Tensor) -> torch.Tensor:
        matrix = harmonics(directions @ turn.T, built.degree)
        weights = quadrature(matrix, live, min(built.degree, 8))
        return slice_harmonics(counts, weights.float(), matrix.float())

    straight = maps(torch.eye(3, dtype=torch.float64))
    built(straight)
    built.eval()
    with torch.no_grad():
        score, turned = built(straight), built(maps(_turn()[0]))
        other = built(straight.roll(1, 1))
    assert torch.allclose(turned, score, rtol=0.0, atol=1e-5 * (1.0 + float(score.abs().max())))
    assert (other - score).abs().max() > 20.0 * (turned - score).abs().max()


def test_it_tells_early_hits_on_two_sides_from_early_hits_on_one() -> None:
    torch.manual_seed(8)
    network = _little()
    generator = torch.Generator().manual_seed(8)
    axis = torch.nn.functional.normalize(torch.randn(256, 3, generator=generator), dim=1)
    one_side = torch.rand(256, generator=generator) < 0.5
    maps = 0.3 * torch.randn(256, 4, 25, generator=generator)
    waves = harmonics(axis, 4) + torch.where(one_side, 1.0, -1.0)[:, None] * harmonics(-axis, 4)
    maps[:, 1] += waves
    learning = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(80):
        loss = nn.functional.binary_cross_entropy_with_logits(network(maps), one_side.float())
        learning.zero_grad()
        loss.backward()
        learning.step()
    network.eval()
    right = ((network(maps) > 0.0) == one_side).float().mean()
    assert right > 0.9


def test_stage_ends_in_invariants_alone() -> None:
    stage = SphericalStage((2, 3, 4), (4, 3, 2), 0.0)
    assert stage(torch.randn(16, 5, 2)).shape == (1, 5, 4)


def test_slopes_are_finite_everywhere_and_reach_every_parameter() -> None:
    network = _little()
    network(torch.zeros(3, 4, 25)).sum().backward()
    slopes = [p.grad for p in network.parameters()]
    assert all(s is not None and bool(torch.isfinite(s).all()) for s in slopes)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cpu_and_cuda_agree() -> None:
    network = _little().eval()
    maps = torch.randn(5, 4, 25, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        expected = network(maps)
        found = network.to("cuda")(maps.to("cuda")).cpu()
    assert torch.allclose(found, expected, atol=1e-5)


def test_slices_are_the_published_ones() -> None:
    assert PaperNetwork().norm.mean.shape == (N_SLICE,) == (28,)
