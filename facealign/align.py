"""The public Python interface to portraits. Scripts of users import it by this name."""

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
