"""A comparison that several tests read."""

import pytest

from facealign.evaluation.baselines import BASELINES
from facealign.evaluation.compare import Comparison
from tests import toy_faces
from tests.evaluation.toy_comparison import compare_toys


@pytest.fixture(scope="package")
def comparison() -> Comparison:
    """Of a network that makes everybody frontal but keeps who they are."""

    def translate(images):
        frontal = images.copy()
        frontal[:, 16:, :16] = 128
        return frontal

    return compare_toys(toy_faces.people(12), translate, names=BASELINES)
