"""The canonical frame, the generic 3D head, and images read at other places."""
