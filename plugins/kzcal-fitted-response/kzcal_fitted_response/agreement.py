"""How well data and translation agree, in numbers worth a curve."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from kzcal_fitted_response.constants import Tubes
from kzcal_fitted_response.statistics import by_type
from kzcal_fitted_response.tubes import LEARNED, UNKNOWN, Comparison


def agreement(both: Comparison, kind: Int[Tensor, " pmt"]) -> dict[str, float]:
    """Chi-square per bin of all PMTs of a type, and light and dark hits over the data's."""
    losses = {
        "charge": _chi_square(both.data.charge, both.found.charge, kind),
        "time": _chi_square(both.data.time, both.found.time, kind),
    }
    light = both.scale * both.found.signal.sum() / both.data.signal.sum().clamp(min=1.0)
    rates = [(c.dark.sum() / c.dark_live.sum()).clamp(min=1e-12) for c in (both.found, both.data)]
    return losses | {"light": float(light), "dark": float(rates[0] / rates[1])}


def _chi_square(
    data: Float[Tensor, "pmt bin"], found: Float[Tensor, "pmt bin"], kind: Int[Tensor, " pmt"]
) -> float:
    of_data, of_found = (by_type(c, kind, int(kind.max()) + 1) + 0.5 for c in (data, found))
    n_data, n_found = of_data.sum(1, keepdim=True), of_found.sum(1, keepdim=True)
    off = of_data / n_data - of_found / n_found
    return float((off**2 / (of_data / n_data**2 + of_found / n_found**2)).mean())


def distances(
    before: Tubes, after: Tubes, errors: Float[Tensor, "constant pmt"]
) -> dict[str, float]:
    """Root mean square change of each constant in its errors; 0 while there are none."""
    found = {}
    for name, error in zip(LEARNED, errors, strict=True):
        known = (error > 0) & (error < UNKNOWN**0.5)
        change = (getattr(after, name) - getattr(before, name))[known] / error[known]
        found[f"moved.{name}"] = float(change.square().sum() / known.sum().clamp(min=1)) ** 0.5
    return found
