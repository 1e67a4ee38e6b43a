"""The contract of the classifier."""

from types import MappingProxyType

from kzcal_pid import PID

from kzcal.testing.classifying import LearnedClassifierContract


class TestPid(LearnedClassifierContract):
    component = PID
    options = MappingProxyType({"width": 8.0, "channels": 4.0, "batch": 8.0, "layers": 2.0})
