"""The contracts of both classifiers and of both commands."""

from types import MappingProxyType

from kzcal_bdt import BDT, IMPORTANCE, PAIR_LIKELIHOOD, THRESHOLD

from kzcal.testing import CommandContract, LearnedCandidateContract


class TestTrees(LearnedCandidateContract):
    component = BDT
    options = MappingProxyType({"depth": 2.0, "leaf": 1.0})


class TestFreeTrees(LearnedCandidateContract):
    component = BDT
    options = MappingProxyType({"depth": 2.0, "leaf": 1.0, "monotone": 0.0})


class TestLikelihoodRatio(LearnedCandidateContract):
    component = PAIR_LIKELIHOOD
    options = MappingProxyType({"bins": 5.0})


class TestImportanceCommand(CommandContract):
    component = IMPORTANCE


class TestThresholdCommand(CommandContract):
    component = THRESHOLD
