"""What computes, in words."""

from collections import Counter
from collections.abc import Sequence

import jax


def describe_devices(devices: Sequence[jax.Device]) -> str:
    """Devices of JAX as people call them: "the CPU", "2 x NVIDIA H200", "8 x TPU v4"."""
    counts = Counter("the CPU" if d.platform == "cpu" else d.device_kind for d in devices)
    return ", ".join(f"{count} x {kind}" if count > 1 else kind for kind, count in counts.items())
