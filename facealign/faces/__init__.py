"""Finds faces in photos, without JAX, and reads the heads in them."""
