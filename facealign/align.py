"""The Python interface to portraits, under the name that people's scripts import."""

from facealign.portraits.aligner import (
    METHODS,
    Aligner,
    Model,
    Networks,
    Photo,
    Portrait,
    load_aligner,
    load_model,
    load_networks,
)

__all__ = [
    "METHODS",
    "Aligner",
    "Model",
    "Networks",
    "Photo",
    "Portrait",
    "load_aligner",
    "load_model",
    "load_networks",
]
