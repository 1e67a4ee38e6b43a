"""KamNet: event topology from hits on the sphere, by networks that respect rotations."""

from __future__ import annotations

from collections.abc import Iterable

from kzcal.components import Classifier
from kzcal.hookspecs import hookimpl


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """The classifiers."""
    return ()
