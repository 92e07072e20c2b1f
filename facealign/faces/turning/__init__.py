"""Turns the head of a photo in 3D, with the photo's own pixels, and leaves the scene around it."""
