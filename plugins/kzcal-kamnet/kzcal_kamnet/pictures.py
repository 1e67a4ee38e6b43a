"""Located hits as numbers: harmonics about the vertex, by kind of pulse and knot in time."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from kzcal_kamnet.harmonics import harmonics, size
from kzcal_kamnet.light import N_KIND, SeenLight

DEGREE = 4
"""Highest degree; sites 40 cm apart tilt the edge of light by 2 ns, and its width is 1 ns."""
KNOTS = (
    *(-150.0, -40.0, -12.0, -8.0, -6.0, -5.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0),
    *(5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 18.0, 22.0, 28.0, 36.0, 50.0, 80.0, 140.0, 350.0),
)
"""Residuals between which filters are straight, ns: close together where the light begins."""
N_CHANNEL = N_KIND * len(KNOTS)
"""Channels of hits in a picture; one more holds how far the event has moved."""
NS, DM = 1.0, 0.1
"""Units of that channel: of the emission time, ns, and of the vertex, m."""


def picture(
    light: SeenLight, shift: Float[Tensor, "event 4"]
) -> Float[Tensor, "event channel_and_place harmonic"]:
    """Sums of the harmonics of hits; each hit is shared by the knots before and after it.

    Args:
        light: seen from where a single site fits best.
        shift: how far vertex [m] and emission time [ns] have moved there.

    Returns:
        In units of hits: the first harmonic of a channel is the number of its hits. Of a degree,
        the squares of its harmonics add up to (2 degree + 1) when there is one hit. The last
        channel holds the shift of the time in degree zero and that of the vertex in degree one.
    """
    knots = torch.tensor(KNOTS, device=light.residual.device)
    residual = light.residual.clamp(KNOTS[0], KNOTS[-1])
    after = torch.searchsorted(knots, residual, right=True).clamp(1, len(KNOTS) - 1)
    part = (residual - knots[after - 1]) / (knots[after] - knots[after - 1])
    values = harmonics(light.direction, DEGREE) * (4.0 * torch.pi) ** 0.5
    n_event = len(light.energy)
    total = values.new_zeros(n_event * N_CHANNEL, size(DEGREE))
    row = (light.event * N_KIND + light.kind) * len(KNOTS) + after
    total.index_add_(0, row - 1, values * (1.0 - part)[:, None])
    total.index_add_(0, row, values * part[:, None])
    place = values.new_zeros(n_event, 1, size(DEGREE))
    place[:, 0, 0], place[:, 0, 1:4] = shift[:, 3] / NS, shift[:, :3] / DM
    return torch.cat([total.view(n_event, N_CHANNEL, -1), place], 1)
