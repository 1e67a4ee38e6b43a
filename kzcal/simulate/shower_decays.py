"""Decays among the showers: simulated, reconstructed, and cut in reconstructed energy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.hits import Events
from kzcal.particles import Primaries
from kzcal.parts import ParticleSource
from kzcal.physics.decay import Decay
from kzcal.simulate.chain import Batch, Chain
from kzcal.simulate.energy_window import EnergyWindow, Thinning
from kzcal.simulate.order import joined
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.smearing import Smearing
from kzcal.simulate.vertices import VertexChain
from kzcal.simulate.volumes import Volume

TRIALS = 512
"""Decays that are drawn together."""
WIDEST = 5.0
"""Standard deviations that a decay in a window may have from its true energy."""
LEAST_SHARE, PATIENCE = 1e-3, 2**13
"""A window with a smaller share of so many decays is refused."""


@dataclass(frozen=True, slots=True, eq=False)
class DecayChain:
    """From the particles of decays to reconstructed events, with hits or with vertices alone.

    Args:
        chain: the stages.
        errors: of the reconstruction; the chain's own.
        window: of reconstructed energies, MeV; None for all.
    """

    chain: Chain | VertexChain
    errors: Smearing
    window: EnergyWindow | None

    def events(
        self, primaries: Primaries, place: Float64[np.ndarray, "decay 3"], key: BlockKey
    ) -> Events:
        """Events of decays at their places [m], those in the window alone.

        ``truth/decay`` is the row of the decay. What a decay sends out so late that it is an
        event of its own is left out.
        """
        n = len(primaries)
        now = np.zeros(n, np.int64)
        batch = Batch(primaries, place, now, "", 0, n, thinning=self._thinning())
        found = self.chain.simulate(batch, key).reported
        kept = (found.truth["part"] == 0) & np.isfinite(found.vertex).all(axis=1)
        if self.window is not None:
            kept &= (found.energy >= self.window.lower) & (found.energy < self.window.upper)
        return found.take(kept)

    def _thinning(self) -> Thinning | None:
        """Leaves out early what can hardly be reconstructed in the window."""
        if self.window is None:
            return None
        low, high = self.window.lower, self.window.upper
        reach = WIDEST * self.errors.energy * np.sqrt(high + 1)
        ends = max(low - reach, 0.0), high + reach
        return Thinning.none(EnergyWindow(*(end / self.errors.scale for end in ends)))


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """Decays of several sources in fixed proportions.

    Args:
        sources: by name.
        weights: chance of each, adding up to one.
    """

    sources: Mapping[str, ParticleSource]
    weights: Float64[np.ndarray, " source"]

    @classmethod
    def of_isotopes(cls, yields: Mapping[str, float]) -> Mixture:
        """Isotopes of the shipped table by their yields."""
        made = {name: y for name, y in yields.items() if y}
        weights = np.array(list(made.values()))
        return cls({name: Decay.named(name) for name in made}, weights / weights.sum())

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sources."""
        return tuple(self.sources)

    def sample(self, n: int, key: BlockKey) -> tuple[Primaries, Int64[np.ndarray, " decay"]]:
        """Decays, and the row of the source of each."""
        generator = key.numpy("mixture")
        counts = generator.multinomial(n, self.weights)
        drawn = [
            source.sample(int(count), generator=generator)
            for source, count in zip(self.sources.values(), counts, strict=True)
        ]
        return joined_primaries(drawn), np.repeat(np.arange(len(counts)), counts)


def joined_primaries(parts: Sequence[Primaries]) -> Primaries:
    """Decays one after the other."""
    particles = np.concatenate([np.diff(part.offsets) for part in parts])
    return Primaries(
        np.concatenate([[0], np.cumsum(particles)]),
        np.concatenate([part.particle for part in parts]),
        np.concatenate([part.energy for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.direction for part in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class DecayStream:
    """Endless decays of a mixture in a volume, those in the chain's window alone.

    Args:
        name: of the stream, on which its random numbers depend.
        mixture: what decays.
        volume: where.
        chain: how they are seen.
        seed: the user's.
        run: run number.
    """

    name: str
    mixture: Mixture
    volume: Volume
    chain: DecayChain
    seed: int
    run: int

    def block(self, number: int, n: int = TRIALS) -> Events:
        """Those of ``n`` decays that are seen, in any order.

        ``truth/source`` is the row of the source, ``truth/place`` where the decay was [m].
        """
        key = BlockKey(self.seed, self.run, self.name, number)
        primaries, source = self.mixture.sample(n, key)
        place = self.volume.sample(n, generator=key.numpy("volume"))
        found = self.chain.events(primaries, place, key)
        found = found.take(key.numpy("order").permutation(len(found)))
        decay = found.truth["decay"]
        return replace(found, truth={"source": source[decay], "place": place[decay]})

    def blocks(self) -> Iterator[Events]:
        """Block after block, until too few decays are seen in the window.

        Raises:
            ConfigurationError: they are.
        """
        number, kept = 0, 0
        while True:
            found = self.block(number)
            number, kept = number + 1, kept + len(found)
            yield found
            if number * TRIALS >= PATIENCE and kept < number * TRIALS * LEAST_SHARE:
                message = (
                    f"of the decays of {self.name} one in {1 / LEAST_SHARE:.0f} must have an "
                    f"energy in the window, got {kept} of {number * TRIALS}: widen --energy"
                )
                raise ConfigurationError(message)


class Supply:
    """Decays of a stream, handed out in the numbers that are asked for."""

    def __init__(self, stream: DecayStream) -> None:
        self._blocks = stream.blocks()
        self._rest: Events | None = None

    def take(self, n: int) -> Events:
        """The next decays."""
        parts = [next(self._blocks) if self._rest is None else self._rest]
        while sum(map(len, parts)) < n:
            parts.append(next(self._blocks))
        whole = joined(parts)
        self._rest = whole[n:]
        return whole[:n]
