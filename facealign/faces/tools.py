"""What `--mode=align` does with faces in a process: it finds them, and compares them with dlib."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from absl import logging

from facealign.faces import dlib_tools, mmod
from facealign.faces.search import Search, load_search


class FaceTools(NamedTuple):
    """Functions of photos."""

    search: Search  # gray photo -> faces of any pose
    describe: Callable[[np.ndarray, np.ndarray], np.ndarray] | None  # as in `DlibTools`


def load_tools() -> FaceTools:
    """All tools; without requirements-faces.txt none that compares."""
    compares = dlib_tools.is_installed()
    return FaceTools(choose_search(), dlib_tools.load_dlib().describe if compares else None)


def load_finder() -> FaceTools:
    """The tools without the one that compares, which takes a second to load."""
    return FaceTools(choose_search(), None)


def warn() -> None:
    """Says what is missing without requirements-faces.txt."""
    if not dlib_tools.is_installed():
        logging.warning(
            "faces are found by facealign's own network, which invents more of them than dlib's, "
            "and distances are not measured; for both: pip install -r requirements-faces.txt"
        )


def choose_search() -> Search:
    """The search by dlib's network; facealign's own, which invents more faces, without it."""
    return mmod.load_mmod() if dlib_tools.is_installed() else load_search()
