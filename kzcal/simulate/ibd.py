"""Antineutrinos that react in the scintillator: a positron, and later the capture of a neutron."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Float64, Int64

from kzcal.errors import ConfigurationError
from kzcal.physics.antineutrinos import Reacting, geo, reactor
from kzcal.physics.inverse_beta import Reactions, react
from kzcal.simulate.muons import CAPTURE_TIME_NS
from kzcal.simulate.seeds import BlockKey
from kzcal.simulate.timeline import SPACING_NS
from kzcal.simulate.volumes import Volume, directions

PAIRS_AT_ONCE = 256
FLUXES: Mapping[str, Callable[[], Reacting]] = MappingProxyType({"reactor": reactor, "geo": geo})


@dataclass(frozen=True, slots=True)
class NeutronWalk:
    """How far a neutron of inverse beta decay gets, and how long it lives.

    Args:
        forward_m: mean distance along its first direction. Source: (1.9 +- 0.4) cm of CHOOZ
            (2003), hep-ex/0301017, in scintillator with gadolinium. Assumption: the same without.
        spread_m: standard deviation about it, three axes together. Assumption: 8 cm, of slowing
            down and of thermal diffusion, whatever the energy; captures of a neutron source would
            settle it.
        mean_time_ns: from production to capture.
    """

    forward_m: float = 0.019
    spread_m: float = 0.08
    mean_time_ns: float = CAPTURE_TIME_NS

    def __post_init__(self) -> None:
        for name in ("forward_m", "spread_m", "mean_time_ns"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                message = f"{name} of a neutron must be finite and not negative, got {value}"
                raise ConfigurationError(message)

    def captured(
        self, direction: Float64[np.ndarray, "neutron 3"], *, generator: np.random.Generator
    ) -> tuple[Float64[np.ndarray, "neutron 3"], Float64[np.ndarray, " neutron"]]:
        """Way from production to capture, m, and the time that it takes, ns."""
        n = len(direction)
        off = generator.normal(0.0, self.spread_m / np.sqrt(3), (n, 3))
        way = self.forward_m * direction + off
        return way, generator.exponential(self.mean_time_ns, n)


@dataclass(frozen=True, slots=True)
class Flux:
    """Where the antineutrinos come from.

    Args:
        shares: of the reactions by origin, a name in FLUXES; they add up to one.
    """

    shares: tuple[tuple[str, float], ...]

    @classmethod
    def parse(cls, text: str) -> Flux:
        """A flux written ``reactor``, ``geo`` or ``reactor:0.6,geo:0.4``.

        Raises:
            ConfigurationError: an origin is unknown or a share is no positive number.
        """
        found: dict[str, float] = {}
        for word in text.split(","):
            name, colon, share = word.partition(":")
            try:
                value = float(share) if colon else 1.0
            except ValueError:
                value = -1.0
            if name not in FLUXES or name in found or not 0 < value < np.inf:
                message = (
                    f"a flux names each of {', '.join(FLUXES)} once at most, with positive "
                    f"shares, such as reactor:0.6,geo:0.4, got {text!r}"
                )
                raise ConfigurationError(message)
            found[name] = value
        total = sum(found.values())
        return cls(tuple((name, share / total) for name, share in found.items()))


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Reactions of antineutrinos, by their order in the run.

    Args:
        timestamp: ns since the start of the run, ascending.
        position: of the reactions, m.
        reactions: what they made.
        capture_time: of the neutrons, ns since the start of the run.
        capture: where these are captured, m.
    """

    timestamp: Int64[np.ndarray, " pair"]
    position: Float64[np.ndarray, "pair 3"]
    reactions: Reactions
    capture_time: Int64[np.ndarray, " pair"]
    capture: Float64[np.ndarray, "pair 3"]


@dataclass(frozen=True, slots=True, eq=False)
class Antineutrinos:
    """Blocks of reactions in a sample or in a run.

    Args:
        spectra: of what reacts, and the share of each; the shares add up to one.
        volume: where they react.
        walk: of the neutrons.
        counts: reactions of each block.
        duration_ns: of the run, of which each block is an equal part; None for a sample, whose
            reactions follow one a second.
    """

    spectra: tuple[tuple[Reacting, float], ...]
    volume: Volume
    walk: NeutronWalk
    counts: Int64[np.ndarray, " block"]
    duration_ns: int | None

    def begin(self, block: int) -> int:
        """The beginning of a block, ns."""
        if self.duration_ns is None:
            return block * PAIRS_AT_ONCE * SPACING_NS
        return block * self.duration_ns // len(self.counts)

    def first(self, block: int) -> int:
        """Number of the first reaction of a block."""
        return int(self.counts[:block].sum())

    def drawn(self, block: int, key: BlockKey) -> Pairs:
        """The reactions of a block, all that one holds for a sample."""
        key = replace(key, component="ibd")
        sample = self.duration_ns is None
        n = PAIRS_AT_ONCE if sample else int(self.counts[block])
        energy = self._energies(n, key.numpy("energy"))
        generator = key.numpy("reaction")
        reactions = react(energy, directions(n, generator), generator=generator)
        position = self.volume.sample(n, generator=key.numpy("volume"))
        way, wait = self.walk.captured(reactions.neutron_direction, generator=key.numpy("neutron"))
        begin = self.begin(block)
        time = begin + np.arange(n) * SPACING_NS
        if not sample:
            time = np.sort(key.numpy("time").integers(begin, self.begin(block + 1), n))
        late = time + np.rint(wait).astype(np.int64)
        return Pairs(time, position, reactions, late, position + way)

    def _energies(self, n: int, generator: np.random.Generator) -> Float64[np.ndarray, " n"]:
        """Of reacting antineutrinos, MeV."""
        shares = [share for _, share in self.spectra]
        origin = generator.choice(len(shares), n, p=shares)
        drawn = [spectrum.sample(n, generator=generator) for spectrum, _ in self.spectra]
        return np.asarray(np.stack(drawn)[origin, np.arange(n)])
