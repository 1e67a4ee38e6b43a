from spreading import SPREADING

from kzcal.testing import LearnedClassifierContract


class TestSpreading(LearnedClassifierContract):
    component = SPREADING
