"""Heights that are profiled within an expectation."""

import torch

from kzcal.fit.energy.profiled import begun, profiled


def spectrum(peak):
    x = torch.linspace(0, 1, 40, dtype=torch.float64)
    signal = torch.exp(-0.5 * ((x - peak) / 0.1) ** 2)
    return torch.stack([signal, 1 - x, x], dim=-1)[None]


def none():
    return torch.zeros(1, 40, dtype=torch.float64)


def test_heights_of_counts_without_noise_are_found():
    columns = spectrum(0.5)
    known = none() + 0.7
    heights = torch.tensor([[80.0, 9.0, 3.0]], dtype=torch.float64)
    counts = known + torch.einsum("sbc,sc->sb", columns, heights)
    found = profiled(counts, columns, known, begun(counts, columns))
    torch.testing.assert_close(found, heights, rtol=1e-4, atol=1e-4)


def test_no_height_is_negative_and_all_counts_are_expected():
    """Of any Poisson fit with a free height the sum is that of the counts."""
    generator = torch.Generator().manual_seed(3)
    columns = spectrum(0.5)
    mean = 30 * columns[..., 0]
    counts = torch.poisson(mean, generator=generator)
    heights = profiled(counts, columns, none(), begun(counts, columns))
    assert (heights > 0).all()
    total = torch.einsum("sbc,sc->sb", columns, heights).sum()
    torch.testing.assert_close(total, counts.sum(), rtol=1e-3, atol=0)


def test_a_spectrum_without_background_keeps_finite():
    columns = spectrum(0.5)
    columns[..., 1:] = 0
    counts = 20 * columns[..., 0]
    heights = profiled(counts, columns, none(), begun(counts, columns))
    torch.testing.assert_close(heights[0, 0], counts.new_tensor(20.0), rtol=1e-4, atol=0)
    assert torch.isfinite(heights).all()


def test_slope_of_the_profile_likelihood_is_that_of_differences():
    generator = torch.Generator().manual_seed(5)
    columns = spectrum(0.48)
    counts = torch.poisson(40 * columns[..., 0] + 5, generator=generator)
    start = begun(counts, columns)

    def objective(peak):
        moved = spectrum(peak)
        heights = profiled(counts, moved, none(), start)
        mean = torch.einsum("sbc,sc->sb", moved, heights)
        return 2 * (mean - counts * torch.log(mean)).sum()

    here = torch.tensor(0.5, dtype=torch.float64)
    slope = torch.func.jacfwd(objective)(here)
    step = 1e-5
    difference = (objective(here + step) - objective(here - step)) / (2 * step)
    torch.testing.assert_close(slope, difference, rtol=1e-4, atol=1e-3)
