"""A trained translator applied to a file, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kzcal import __version__
from kzcal.conditions.canonical import canonical_json
from kzcal.conditions.payload import InputFile, Lineage
from kzcal.errors import ConfigurationError
from kzcal.geometry import Detector
from kzcal.hits import Events
from kzcal.io.hdf5_writer import event_writer
from kzcal.io.source import EventSource
from kzcal.parts import HitTranslator
from kzcal.training.draws import uniform
from kzcal.translate.model import ModelDirectory, TranslatorManifest
from kzcal.translate.origin import Origin

HITS_AT_ONCE = 200_000
EVENTS_AT_ONCE = 500
"""Events that are translated with one state of the generator, so that memory stays flat."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What was written.

    Args:
        out: the file.
        n_events: events.
        n_hits: their hits.
    """

    out: Path
    n_events: int
    n_hits: int


def translate_file(
    model: ModelDirectory,
    translator: HitTranslator,
    path: Path,
    source: EventSource,
    detector: Detector,
    out: Path,
    *,
    seed: int = 1,
    unseen: bool = False,
    advance: Callable[[float], None] = lambda _events: None,
) -> Translated:
    """Translate the events of a file into another.

    Args:
        model: where the translator comes from.
        translator: its translator.
        path: of the file to translate.
        source: the same, open.
        detector: of both.
        out: the file to write; it appears whole or not at all.
        seed: decides the hits together with model and source.
        unseen: leave out events that the training learned from or was judged by.
        advance: told how many events have been written.

    Raises:
        ConfigurationError: the photoelectrons are drawn for other PMTs than those of the training,
            or unseen events are asked for of a training that took all.
    """
    manifest = model.manifest()
    _check_ceiling(manifest, Origin.of(path), path)
    if unseen and manifest.share >= 1:
        message = (
            f"events that a training has not seen are left if --events is less than the target "
            f"has, got a training on all of them in {model.path}: train again with fewer"
        )
        raise ConfigurationError(message)
    header = replace(
        source.header,
        physics_window_ns=manifest.physics_window_ns or source.header.physics_window_ns,
        forced_window_ns=manifest.forced_window_ns or source.header.forced_window_ns,
        livetime_ns=None if unseen else source.header.livetime_ns,
    )
    notes = {"lineage": _lineage(model, manifest, path, source, seed, unseen)}
    n_events = n_hits = 0
    with event_writer(out, header, source.muons, notes=notes) as append:
        for first, part in _parts(source):
            generator = np.random.default_rng((seed, first))
            chosen = _unseen(part, manifest) if unseen else part
            translated = translator.translate(chosen, detector, generator=generator)
            append(translated)
            n_events += len(chosen)
            n_hits += len(translated.hits.pmt)
            advance(len(part))
    return Translated(out, n_events, n_hits)


def _unseen(events: Events, manifest: TranslatorManifest) -> Events:
    """Events whose numbers took no part in a training."""
    return events.take(uniform(events.event, manifest.seed) >= manifest.share)


def _parts(source: EventSource) -> Iterator[tuple[int, Events]]:
    """Consecutive events, few at a time, and the row of their first."""
    row = 0
    for chunk in source.chunks(HITS_AT_ONCE):
        for first in range(0, len(chunk), EVENTS_AT_ONCE):
            yield row + first, chunk[first : first + EVENTS_AT_ONCE]
        row += len(chunk)


def _check_ceiling(manifest: TranslatorManifest, origin: Origin, path: Path) -> None:
    if origin.ceiling != manifest.ceiling:
        message = (
            f"photoelectrons are translated as they were in the training, drawn for a relative "
            f"efficiency of {manifest.ceiling}, got {origin.ceiling} in {path}"
        )
        raise ConfigurationError(message)


def _lineage(
    model: ModelDirectory,
    manifest: TranslatorManifest,
    path: Path,
    source: EventSource,
    seed: int,
    unseen: bool,
) -> str:
    """All that decides the hits, as JSON."""
    lineage = Lineage(
        inputs=(
            InputFile(path.name, source.digest()),
            model.weights_file(),
            *manifest.inputs,
        ),
        code_version=__version__,
        plugins={k: v for k, v in manifest.versions.items() if k not in {"kzcal", "torch"}},
        configuration={
            "command": "kzcal translate apply",
            "translator": manifest.translator,
            "options": dict(manifest.options),
            "unseen": unseen,
        },
        seed=seed,
    )
    return canonical_json(lineage.as_dict(), "a lineage").decode()
