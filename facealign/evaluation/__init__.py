"""Evaluation of a checkpoint on held-out people: pose, identity and realism, beside baselines."""
