"""Recurrence and attention: they turn with the event and keep their bounds."""

import pytest
import torch
from kzcal_kamnet.harmonics import harmonics, size
from kzcal_kamnet.recurrent import Attention, Degrees, RingFilter, WaveLSTM, legendre
from kzcal_kamnet.rotations import turns, wigner

DEGREE = 4


@pytest.fixture(scope="module")
def turned() -> torch.Tensor:
    """Matrix that turns the harmonics up to ``DEGREE``."""
    angles = [torch.tensor([angle], dtype=torch.float64) for angle in (0.4, 1.1, -2.0)]
    return torch.block_diag(*(d[0] for d in wigner(turns(*angles), DEGREE))).float()


def _maps(*rest: int) -> torch.Tensor:
    return torch.randn(size(DEGREE), *rest, generator=torch.Generator().manual_seed(4))


def _turn(matrix: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    return torch.einsum("hk,k...->h...", matrix, maps)


def test_rings_have_legendre_spectra() -> None:
    cosine = torch.tensor([0.3, 0.9], dtype=torch.float64)
    points = torch.stack([torch.zeros(2), cosine, torch.sqrt(1 - cosine**2)], 1)
    values = harmonics(points, 6)
    for at, found in enumerate(legendre(cosine, 6)):
        middle = values[:, at * at + at] * (4 * torch.pi / (2 * at + 1)) ** 0.5
        assert torch.allclose(found, middle)


def test_filter_of_the_centre_alone_mixes_channels() -> None:
    filters = RingFilter(3, 2, 1, Degrees(DEGREE)).spectrum()
    assert torch.allclose(filters, filters[:1].expand_as(filters))


def test_states_turn_with_the_slices(turned: torch.Tensor) -> None:
    torch.manual_seed(5)
    layer, slices = WaveLSTM(2, 3, 3, DEGREE), _maps(5, 4, 2)
    straight = torch.stack(layer(slices), 1)
    assert torch.allclose(
        torch.stack(layer(_turn(turned, slices)), 1), _turn(turned, straight), atol=2e-6
    )
    assert straight.std() > 0.05


def test_states_stay_below_one_in_every_degree() -> None:
    torch.manual_seed(6)
    layer = WaveLSTM(2, 3, 3, DEGREE)
    states = torch.stack(layer(1000.0 * _maps(5, 4, 2)), 1)
    assert (layer.degrees.strength(states) <= 1.001).all()


def test_later_slices_do_not_change_earlier_states() -> None:
    torch.manual_seed(7)
    layer, slices = WaveLSTM(2, 3, 3, DEGREE), _maps(5, 4, 2)
    other = slices.clone()
    other[:, 3] += 1.0
    first, second = layer(slices), layer(other)
    assert all(torch.equal(a, b) for a, b in zip(first[:3], second[:3], strict=True))
    assert not torch.allclose(first[3], second[3])


def test_attention_adds_up_to_one_and_turns(turned: torch.Tensor) -> None:
    torch.manual_seed(8)
    attention, states = Attention(5, 3, DEGREE), _maps(5, 4, 3)
    scores = attention.scores(states)
    assert torch.allclose(scores.sum(1), torch.ones(()), atol=1e-6)
    assert torch.allclose(attention.scores(_turn(turned, states)), scores, atol=1e-6)
    assert torch.allclose(
        attention(_turn(turned, states)), _turn(turned, attention(states)), atol=2e-6
    )
