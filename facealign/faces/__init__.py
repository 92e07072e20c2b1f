"""Faces in photos: found, cut to the canonical frame, measured. Nothing here imports JAX."""
