"""The public Python interface to portraits. Scripts of users import it by this name."""

from facealign.faces.turning.style import Style
from facealign.portraits.aligner import Aligner, Photo, load_aligner
from facealign.portraits.methods import METHODS, Method, load_method
from facealign.portraits.portrait import Portrait

__all__ = [
    "METHODS",
    "Aligner",
    "Method",
    "Photo",
    "Portrait",
    "Style",
    "load_aligner",
    "load_method",
]
