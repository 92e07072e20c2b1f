"""A smooth change from nothing to all. NumPy."""

import numpy as np

from facealign.geometry.frame import smooth_step


def ramp(values: np.ndarray | float, ends: tuple[float, float]) -> np.ndarray:
    """0 at the first end and before, 1 at the second and beyond; the ends may fall."""
    return smooth_step((values - ends[0]) / (ends[1] - ends[0]))
