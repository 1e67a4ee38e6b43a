"""KamNet's small network obeys the laws of a classifier that learns."""

from __future__ import annotations

from kzcal_kamnet import KAMNET

from kzcal.testing.classifying import LearnedClassifierContract


class TestSmall(LearnedClassifierContract):
    """Laws of the small preset."""

    component = KAMNET
    options = {"batch": 16.0, "schedule": 20.0}  # noqa: RUF012  of the contract's type
