"""What ``kzcal simulate`` prints: the sources, and what was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kzcal.cli.output import table

if TYPE_CHECKING:
    from kzcal.plugins import Plugins
    from kzcal.simulate.run import Written

UNITS = (("a", 31_557_600.0), ("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))
SMALL_UNITS = (("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))


def sources_of(plugins: Plugins) -> list[dict[str, Any]]:
    """Every source with its decay data, by name."""
    return [
        {
            "name": source.name,
            "summary": source.summary,
            "half_life_s": source.half_life,
            "q_value_mev": source.q_value,
            "data": source.data,
            "options": {
                option.name: {
                    "default": option.default,
                    "unit": option.unit,
                    "summary": option.summary,
                }
                for option in source.options
            },
            "provider": source.provider,
        }
        for source in plugins.sources.values()
    ]


def listing(sources: Sequence[Mapping[str, Any]]) -> str:
    """Sources as a table, with where their data come from below."""
    rows = [
        (
            row["name"],
            "" if row["half_life_s"] is None else duration(row["half_life_s"]),
            "" if row["q_value_mev"] is None else f"{row['q_value_mev']:.4g}",
            row["summary"],
            " ".join(f"--{name.replace('_', '-')}" for name in row["options"]),
        )
        for row in sources
    ]
    origins: dict[str, list[str]] = {}
    for row in sources:
        if row["data"]:
            origins.setdefault(row["data"], []).append(row["name"])
    lines = [f"  {', '.join(names)}: {data}" for data, names in origins.items()]
    header = ("source", "half-life", "Q/MeV", "what it is", "options")
    return "\n".join([table(header, rows), "", "decay data:", *lines])


def duration(seconds: float) -> str:
    """A time with three digits in the largest unit that makes it one or more."""
    for unit, size in (*UNITS, *SMALL_UNITS):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def summary(written: Written) -> str:
    """What was written, and how fast."""
    rate = written.n_events / written.seconds if written.seconds else 0.0
    mean = written.n_hits / written.n_events if written.n_events else 0.0
    first = (
        f"wrote {written.out}: run {written.run}, {written.n_events} events of "
        f"{written.n_decays} decays, {written.n_hits} hits ({mean:.0f} per event), "
        f"{written.n_muons} muons; {rate:.0f} events/s"
    )
    if written.gtq is None:
        return first
    return f"{first}\nwrote {written.gtq}: {written.n_photoelectrons} photoelectrons"
