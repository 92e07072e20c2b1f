"""Several devices, several processes, and preemption."""
