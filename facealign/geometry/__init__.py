"""The canonical frame, the 3D head and how it turns, head pose, and resampling of images."""
