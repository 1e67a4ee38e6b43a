"""The contract of both networks, and of PointNet with its transform."""

from types import MappingProxyType

from kzcal_pointnet import POINTNET

from kzcal.testing.candidate_scores import LearnedCandidateContract

SMALL = {"features": 16.0, "width": 8.0, "batch": 16.0}


class TestShower(LearnedCandidateContract):
    component = POINTNET
    options = MappingProxyType(SMALL)


class TestPointNet(LearnedCandidateContract):
    component = POINTNET
    options = MappingProxyType({**SMALL, "shower": 0.0, "transform": 1.0})
