"""The Python interface to portraits, under the name that people's scripts import."""

from facealign.portraits.aligner import (
    METHODS,
    Aligner,
    Method,
    Photo,
    Portrait,
    load_aligner,
    load_method,
)

__all__ = ["METHODS", "Aligner", "Method", "Photo", "Portrait", "load_aligner", "load_method"]
