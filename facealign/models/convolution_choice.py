"""Which form computes `down`, `up` and `weigh` of `convolutions` on a CPU: the fastest.

`python benchmarks/layers.py` measures all of them.
"""

import os
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from facealign.errors import UserError, lookup
from facealign.models import convolution_forms as forms
from facealign.models import convolution_winograd as winograd
from facealign.models import onednn
from facealign.models.convolution_forms import THIN
from facealign.models.convolution_geometry import How, channels, mirror

VARIABLE = "FACEALIGN_CONVOLUTIONS"  # of the environment: one of LIBRARIES, for comparisons
LIBRARIES = {  # and what the log calls them
    "lax": "XLA's own",
    "own": "facealign's, built from XLA's",
    "onednn": "oneDNN's",
}
def compute(function: str, a: jax.Array, b: jax.Array, how: How) -> jax.Array:
    """One of the functions in the form that `how` names, or in the fastest one on a CPU."""
    form = how.form or ("lax" if library() == "lax" else "")
    c, d = channels(function, a, b, how)
    if form != "lax" and how.stride == 1 and d < THIN <= c:  # make the thin map the large one
        function, (a, b), how = mirror(function, (a, b), how)
    return FORMS[form or fastest(function, a, b, how)][function](a, b, how)


def fastest(function: str, a: jax.Array, b: jax.Array, how: How) -> str:
    """The form of a function of these arguments, by their sizes."""
    small, taps = -(-min(how.size) // how.stride), max(how.ks)
    c, d = channels(function, a, b, how)
    thin = c < THIN
    if how.stride == 1 and min(how.ks) > 3 and small >= 8 and c * d >= 4096:
        return "winograd"
    single = a.dtype == b.dtype == jnp.float32
    if library() == "onednn" and single and min(how.ks) >= how.stride:
        if not (function == "up" and thin):
            return "abreast" if small <= 2 else "onednn"
    if small < taps or taps == 1:
        return "products"
    return "products" if thin and function == "up" else "phases"


def library() -> str:
    """Which of LIBRARIES computes convolutions on this machine's CPU.

    Raises:
        UserError: the environment asks for another, or for oneDNN where it cannot be used.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted:
        lookup(LIBRARIES, wanted, VARIABLE)
    if wanted in ("lax", "own"):
        return wanted
    several = jax.device_count("cpu") > 1 and "it serves one device only"
    fault = several or onednn.find_fault()
    if fault and wanted:
        raise UserError(f"{VARIABLE}={wanted}: {fault}")
    return "own" if fault else "onednn"


Function = Callable[[jax.Array, jax.Array, How], jax.Array]
FORMS: dict[str, dict[str, Function]] = {
    "lax": {"down": forms.down_as_xla, "up": forms.up_as_xla, "weigh": forms.weigh_as_xla},
    "phases": {
        "down": forms.down_in_tiles,
        "up": forms.up_in_phases,
        "weigh": forms.weigh_in_halves,
    },
    "products": {
        "down": forms.down_by_product,
        "up": forms.up_by_product,
        "weigh": forms.weigh_by_product,
    },
    "winograd": {
        "down": partial(winograd.down, function=partial(compute, "down")),
        "up": partial(winograd.up, function=partial(compute, "up")),
        "weigh": partial(winograd.weigh, function=partial(compute, "weigh")),
    },
    "onednn": {name: partial(onednn.compute, name) for name in ("down", "up", "weigh")},
    "abreast": {name: partial(onednn.compute_abreast, name) for name in ("down", "up", "weigh")},
}
