"""Classifiers of event topology that KamNet is held against."""

from __future__ import annotations

from collections.abc import Iterable

from kzcal.components import Classifier
from kzcal.hookspecs import hookimpl


@hookimpl
def kzcal_classifiers() -> Iterable[Classifier]:
    """The classifiers."""
    return ()
