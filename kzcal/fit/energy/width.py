"""What spectra say of their own widths, and how finite simulation shows in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from kzcal.fit.energy.spectra import SpectrumTerm
from kzcal.fit.terms import Values, deviance
from kzcal.geometry.adjusted import YIELD

LARGEST_WIDTH = 0.2


def with_widths(term: SpectrumTerm, values: Values) -> SpectrumTerm:
    """The term with the further width of each sample that fits best, its peak left free."""
    from scipy.optimize import minimize

    widths = []
    for sample in range(len(term.names)):
        alone = one_sample(term, sample)

        def objective(point: Float64[np.ndarray, " two"], alone: SpectrumTerm = alone) -> float:
            width = min(abs(float(point[1])), LARGEST_WIDTH)
            changed = with_width(alone, alone.smearing.width.new_tensor([width]))
            scaled = {**values, YIELD: values[YIELD] * float(np.exp(point[0]))}
            return float(deviance(changed.counts, changed.expected(scaled)).sum())

        away = rough_scale(alone, values)
        simplex = np.array([[away, 0.02], [away + 0.03, 0.02], [away, 0.05]])
        options = {"initial_simplex": simplex, "xatol": 2e-4, "fatol": 0.01, "maxfev": 120}
        best = minimize(objective, simplex[0], method="Nelder-Mead", options=options)
        widths.append(min(abs(float(best.x[1])), LARGEST_WIDTH))
    return with_width(term, term.smearing.width.new_tensor(widths))


def rough_scale(term: SpectrumTerm, values: Values) -> float:
    """Logarithm of the mean of the events of one sample over that of its decays."""
    counts, edges, light = term.observed[0].sum(0), term.edges[0], term.lights[0]
    found = counts @ (edges[1:] + edges[:-1]) / 2 / counts.sum().clamp(min=1)
    mean = (light.weight * light.energy(values)).sum(-1).mean()
    return float(torch.log(found / mean))


def with_width(term: SpectrumTerm, width: Float[Tensor, " sample"]) -> SpectrumTerm:
    """The term with other further widths."""
    return replace(term, smearing=replace(term.smearing, width=width))


def one_sample(term: SpectrumTerm, sample: int) -> SpectrumTerm:
    """The spectra of one sample alone."""
    chosen = slice(sample, sample + 1)
    shells = term.observed.shape[1]
    smearing = replace(
        term.smearing,
        hits_per_mev=term.smearing.hits_per_mev[chosen],
        spread=term.smearing.spread[chosen],
        width=term.smearing.width[chosen],
    )
    return replace(
        term,
        names=term.names[chosen],
        observed=term.observed[chosen],
        edges=term.edges[chosen],
        lights=term.lights[chosen],
        profiles=term.profiles[chosen],
        smearing=smearing,
        background=term.background[chosen],
        known=term.known[chosen],
        centre=term.centre[chosen],
        floor=term.floor[chosen],
        start=term.start[sample * shells : (sample + 1) * shells],
        variance=term.variance[chosen],
    )


def variance_of(term: SpectrumTerm, values: Values) -> Float[Tensor, "sample shell bin"]:
    """Relative variance of the expectation from the finite number of decays."""
    events = term.observed.numel()
    mean = term.expected(values).mean[:events].reshape(term.observed.shape)
    signal = term.signal(values)
    heights = mean.sum(-1, keepdim=True) / signal.sum(-1, keepdim=True).clamp(min=1e-12)
    rows = []
    for sample, light in enumerate(term.lights):
        share = term.smearing.shares(sample, light.energy(values), term.edges[sample])
        first = torch.einsum("rg,rgb->rb", light.weight, share)
        second = torch.einsum("rg,rgb->rb", light.weight, share**2)
        total = first.sum(-1, keepdim=True).clamp(min=1e-9)
        rows.append((second - first**2).clamp(min=0.0) / light.n_decays / total**2)
    return (torch.stack(rows) * heights**2 / mean**2).clamp(max=1.0)
