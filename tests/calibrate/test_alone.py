"""What the hits of a PMT alone say: exact where the likelihood is Gaussian."""

import torch

from kzcal.calibrate.population import Alone

N = 400


def gaussian(seed):
    """Estimates of pairs of parameters, and their information."""
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(N, 2, 2, generator=generator, dtype=torch.float64)
    information = root @ root.transpose(1, 2) + torch.eye(2, dtype=torch.float64)
    estimate = torch.randn(N, 2, generator=generator, dtype=torch.float64)
    return estimate, information


def test_a_prior_is_divided_out_exactly():
    """From the point of largest posterior, one step leads back to that of largest likelihood."""
    estimate, information = gaussian(1)
    prior = torch.tensor([[0.5, 0.0], [0.0, 3.0]], dtype=torch.float64)
    posterior = torch.linalg.solve(information + prior, (information @ estimate[..., None]))[
        ..., 0
    ]
    score = (information @ (estimate - posterior)[..., None])[..., 0]
    found = Alone.of(posterior, score, information)
    assert torch.allclose(found.value, estimate)
    assert torch.allclose(found.variance, torch.linalg.inv(information).diagonal(dim1=1, dim2=2))


def test_it_does_not_matter_from_where_the_step_is_taken():
    estimate, information = gaussian(2)
    for start in (estimate + 5.0, torch.zeros_like(estimate)):
        score = (information @ (estimate - start)[..., None])[..., 0]
        assert torch.allclose(Alone.of(start, score, information).value, estimate)
