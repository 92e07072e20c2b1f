"""From a config to checkpoints."""
