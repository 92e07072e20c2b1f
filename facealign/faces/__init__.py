"""Finds faces in photos, without JAX, reads the heads in them, and turns these."""
