r"""Fisher scoring of many PMTs at once that share a few parameters.

With a block of own parameters per PMT and one block per type, a step solves the arrow-shaped
system by eliminating the own blocks (Schur complement): its cost is linear in the PMTs, and the
inverse gives own errors that include the uncertainty of the shared parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Sharing:
    """Values of own and shared parameters.

    Args:
        own: of each PMT.
        shared: of each type.
        kind: type of each PMT.
        fitted: PMTs whose own parameters are fitted.
        counting: PMTs that make up the shared ones.
    """

    own: Float[Tensor, "pmt own"]
    shared: Float[Tensor, "type shared"]
    kind: Int[Tensor, " pmt"]
    fitted: Bool[Tensor, " pmt"]
    counting: Bool[Tensor, " pmt"]


@dataclass(frozen=True, slots=True)
class SharedPrior:
    """Independent Gaussian priors of the shared parameters.

    Args:
        mean: of each.
        information: inverse variance of each; nothing where it is zero.
    """

    mean: Float[Tensor, " shared"]
    information: Float[Tensor, " shared"]

    def value(self, shared: Float[Tensor, "type shared"]) -> Float[Tensor, " type"]:
        """Its logarithm, but for a constant."""
        return -0.5 * ((shared - self.mean) ** 2 * self.information).sum(1)


@dataclass(frozen=True, slots=True)
class SharedScoring:
    """Score and Fisher information of each PMT by (own, shared) parameters.

    Args:
        score: derivative of the log likelihood.
        information: expected information.
        value: log likelihood, but for a constant.
        n_own: number of own parameters, which come first.
    """

    score: Float[Tensor, "pmt parameter"]
    information: Float[Tensor, "pmt parameter parameter"]
    value: Float[Tensor, " pmt"]
    n_own: int

    @classmethod
    def zeros(cls, n_pmt: int, n_own: int, n_shared: int, device: torch.device) -> SharedScoring:
        """Nothing added yet."""
        n = n_own + n_shared
        score = torch.zeros(n_pmt, n, dtype=torch.float64, device=device)
        information = torch.zeros(n_pmt, n, n, dtype=torch.float64, device=device)
        value = torch.zeros(n_pmt, dtype=torch.float64, device=device)
        return cls(score, information, value, n_own)

    def add(
        self,
        slopes: Float[Tensor, "pmt parameter bin"],
        share: Float[Tensor, "pmt bin"],
        counts: Float[Tensor, "pmt bin"],
        columns: Sequence[int] | None = None,
    ) -> None:
        """Add a multinomial of expected shares, given their slopes.

        Args:
            slopes: of the shares by each of ``columns``.
            share: expected, by bin.
            counts: observed, by bin.
            columns: parameters that the shares depend on; None for all of them.
        """
        at = torch.arange(self.score.shape[1]) if columns is None else torch.tensor(columns)
        at = at.to(self.score.device)
        relative = slopes / share[:, None]
        self.score[:, at] += (relative @ counts[..., None])[..., 0]
        information = relative @ slopes.transpose(1, 2) * counts.sum(1)[:, None, None]
        self.information[:, at[:, None], at] += information
        self.value.add_((counts.double() * share.double().log()).sum(1))

    def covariance(
        self, state: Sharing, prior: SharedPrior | None = None
    ) -> tuple[Float[Tensor, "pmt own own"], Float[Tensor, "type shared shared"]]:
        """Covariance of own parameters (shared uncertainty included) and of shared ones."""
        blocks = _blocks(self)
        n_shared = state.shared.shape[1]
        shared = torch.zeros(
            len(state.shared), n_shared, n_shared, dtype=torch.float64, device=state.own.device
        )
        for t in range(len(state.shared)):
            rows = state.fitted & state.counting & (state.kind == t)
            if bool(rows.any()):
                shared[t] = torch.linalg.inv(_reduced(blocks, rows, prior))
        response = blocks.inverse @ blocks.cross
        own = blocks.inverse + response @ shared[state.kind] @ response.transpose(1, 2)
        return own, shared


@dataclass(frozen=True, slots=True)
class _Blocks:
    inverse: Tensor
    cross: Tensor
    shared: Tensor


def _blocks(scoring: SharedScoring) -> _Blocks:
    n, information = scoring.n_own, scoring.information
    ridge = RIDGE * torch.eye(n, dtype=information.dtype, device=information.device)
    return _Blocks(
        torch.linalg.inv(information[:, :n, :n] + ridge),
        information[:, :n, n:],
        information[:, n:, n:],
    )


def _reduced(blocks: _Blocks, rows: Tensor, prior: SharedPrior | None) -> Tensor:
    """Information of the shared parameters once the own ones are profiled, with their prior's."""
    cross = blocks.cross[rows]
    profiled = blocks.shared[rows] - cross.transpose(1, 2) @ blocks.inverse[rows] @ cross
    total = profiled.sum(0)
    if prior is not None:
        total = total + torch.diag(prior.information)
    return total + RIDGE * torch.diag(total.diagonal().clamp(min=1.0))


def shared_step(
    state: Sharing,
    scoring: SharedScoring,
    *,
    own_bounds: Sequence[tuple[float, float]],
    shared_bounds: Sequence[tuple[float, float]],
    shared_slope: Float[Tensor, "type shared"] | None = None,
    prior: SharedPrior | None = None,
    taken: float = 1.0,
    longest: float = 0.2,
    held: int | None = None,
) -> tuple[Sharing, float]:
    """One scoring step within bounds, and the largest change of a value in standard deviations.

    Of own values the largest but for one PMT in two hundred: one that sticks to a bound does not
    count.

    Args:
        state: where the step starts.
        scoring: score and information there.
        own_bounds: lower and upper bound of each own parameter.
        shared_bounds: the same of each shared one.
        shared_slope: added to the slope of the log likelihood by the shared parameters.
        prior: prior of the shared parameters.
        taken: how much of the shared step is taken; the own values follow that.
        longest: longest own step, and longest shared step relative to the value.
        held: a shared parameter that does not move; None for none.
    """
    n, blocks = scoring.n_own, _blocks(scoring)
    own_score, shared_score = scoring.score[:, :n, None], scoring.score[:, n:, None]
    shared, change = state.shared.clone(), torch.zeros_like(state.shared)
    largest = 0.0
    for t in range(len(shared)):
        rows = state.fitted & state.counting & (state.kind == t)
        if not bool(rows.any()):
            continue
        cross = blocks.cross[rows].transpose(1, 2)
        score = shared_score[rows] - cross @ blocks.inverse[rows] @ own_score[rows]
        total = score.sum(0)[:, 0]
        if shared_slope is not None:
            total = total + shared_slope[t]
        if prior is not None:
            total = total + (prior.mean - shared[t]) * prior.information
        free = _free(len(total), held)
        covariance = torch.linalg.inv(_reduced(blocks, rows, prior)[free][:, free])
        step = torch.zeros_like(total)
        step[free] = taken * (covariance @ total[free])
        reach = longest * shared[t].abs()
        moved = within(shared[t] + step.clamp(-reach, reach), shared_bounds)
        change[t] = torch.where(step != 0, moved - shared[t], 0.0)
        shared[t] += change[t]
        error = covariance.diagonal().sqrt()
        largest = max(largest, float((change[t][free].abs() / error).max()))
    step = (blocks.inverse @ (own_score - blocks.cross @ change[state.kind][..., None]))[..., 0]
    error = blocks.inverse.diagonal(dim1=1, dim2=2).sqrt()
    step = torch.where(state.fitted[:, None], step.clamp(-longest, longest), 0.0)
    own = within(state.own + step, own_bounds)
    moves = ((own - state.own).abs() / error)[state.fitted]
    if len(moves):
        largest = max(largest, float(torch.quantile(moves.amax(1), 0.995)))
    return replace(state, own=own, shared=shared), largest


def own_inverse(scoring: SharedScoring) -> Float[Tensor, "pmt own own"]:
    """Covariance of the own parameters of each PMT, the shared ones being known."""
    return _blocks(scoring).inverse


def profiled_score(
    scoring: SharedScoring, inverse: Float[Tensor, "pmt own own"]
) -> Float[Tensor, "pmt shared"]:
    """Score of each PMT by the shared parameters, the own ones following."""
    n = scoring.n_own
    cross = scoring.information[:, n:, :n]
    own: Tensor = cross @ inverse @ scoring.score[:, :n, None]
    return scoring.score[:, n:] - own[..., 0]


def follow(
    state: Sharing, scoring: SharedScoring, change: Float[Tensor, "type shared"]
) -> Sharing:
    """The shared parameters moved, the own ones following."""
    blocks = _blocks(scoring)
    own = state.own - (blocks.inverse @ blocks.cross @ change[state.kind][..., None])[..., 0]
    return replace(state, own=own, shared=state.shared + change)


def spared_volume(
    state: Sharing, scoring: SharedScoring, prior: SharedPrior, held: int
) -> Float[Tensor, " type"]:
    """Logarithm of what the shared parameters but one may be, each type's, but for a constant."""
    blocks, free = _blocks(scoring), _free(state.shared.shape[1], held)
    found = torch.zeros(len(state.shared), dtype=torch.float64, device=state.own.device)
    for t in range(len(found)):
        rows = state.fitted & state.counting & (state.kind == t)
        if bool(rows.any()):
            found[t] = -0.5 * torch.logdet(_reduced(blocks, rows, prior)[free][:, free])
    return found


def _free(number: int, held: int | None) -> list[int]:
    return [k for k in range(number) if k != held]


def within(values: Tensor, bounds: Sequence[tuple[float, float]]) -> Tensor:
    """Values of the last axis moved into the bounds of each."""
    lower, upper = torch.tensor(bounds, dtype=values.dtype, device=values.device).T
    return values.clamp(lower, upper)
