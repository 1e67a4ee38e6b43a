"""The contracts of the three classifiers."""

from types import MappingProxyType

from kzcal_topology import GRID_CNN, HIT_GRAPH, TIME_TREES

from kzcal.testing.classifying import LearnedClassifierContract


class TestTimeTrees(LearnedClassifierContract):
    component = TIME_TREES
    options = MappingProxyType({"depth": 2.0, "leaf": 1.0})


class TestGridCnn(LearnedClassifierContract):
    component = GRID_CNN
    options = MappingProxyType({"channels": 4.0, "batch": 8.0})


class TestHitGraph(LearnedClassifierContract):
    component = HIT_GRAPH
    options = MappingProxyType({"width": 8.0, "neighbours": 3.0, "batch": 8.0})
