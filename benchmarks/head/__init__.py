"""How `benchmarks/build_head.py` makes the 3D head, one job a module."""
