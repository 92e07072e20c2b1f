"""Finds faces in photos, crops them to the canonical frame and measures them, without JAX."""
