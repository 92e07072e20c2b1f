"""The canonical frame, the generic 3D head, head pose, and resampling of images."""
