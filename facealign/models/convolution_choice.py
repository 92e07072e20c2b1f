"""Which form computes `down`, `up` and `weigh` of `convolutions` on a CPU: the fastest.

`python benchmarks/layers.py` measures all of them.
"""

import functools
import os
from collections.abc import Callable
from functools import partial

import jax
from absl import logging

from facealign.errors import UserError, check_choice
from facealign.models import convolution_forms as forms
from facealign.models import convolution_onednn, convolution_winograd, onednn
from facealign.models.convolution_forms import THIN
from facealign.models.convolution_geometry import How, channels, mirror, small_size
from facealign.models.convolution_winograd import MOST_ROWS

VARIABLE = "FACEALIGN_CONVOLUTIONS"  # of the environment: one of LIBRARIES, for comparisons
LIBRARIES = {  # whose convolutions run on a CPU, in the words of the log
    "lax": "XLA's",
    "own": "facealign's, built from XLA's",
    "onednn": "oneDNN's",
}
FUNCTIONS = ("down", "up", "weigh")


def compute(function: str, a: jax.Array, b: jax.Array, how: How) -> jax.Array:
    """One of the functions in the form that `how` names, or in the fastest one on a CPU."""
    form = how.form or ("lax" if library() == "lax" else "")
    c, d = channels(function, a, b, how)
    if form != "lax" and how.stride == 1 and d < THIN <= c:  # make the thin map the large one
        function, (a, b), how = mirror(function, (a, b), how)
    return FORMS[form or fastest(function, a, b, how)][function](a, b, how)


def fastest(function: str, a: jax.Array, b: jax.Array, how: How) -> str:
    """The form that takes the least time for arguments of these sizes, one of FORMS."""
    c, d = channels(function, a, b, how)
    small, taps = min(small_size(how)), max(how.ks)
    by_onednn = library() == "onednn" and a.dtype == b.dtype and onednn.takes(a.dtype.name)
    worth = range(4 if by_onednn else 3, MOST_ROWS + 1)  # rows of a kernel
    if how.stride == 1 and how.ks[0] in worth and small >= 8 and c * d >= 4096:
        if a.dtype.itemsize >= 4:  # rounding errors are ten times larger
            return "winograd"
    thin_up = function == "up" and c < THIN
    if by_onednn and not thin_up and min(how.ks) >= how.stride:  # its padding is never negative
        return "abreast" if max(small_size(how)) <= 2 else "onednn"
    return "products" if thin_up or taps == 1 or 2 * small < taps else "phases"


def library() -> str:
    """Which of LIBRARIES computes convolutions in programs for this machine's CPU.

    The first call says so in the log, if the CPU is JAX's default.

    Raises:
        UserError: the environment asks for another, or for oneDNN where it cannot be used.
    """
    return _library(os.environ.get(VARIABLE, ""), jax.default_backend(), jax.device_count())


@functools.cache
def _library(wanted: str, backend: str, devices: int) -> str:
    if wanted:
        check_choice(wanted, LIBRARIES, VARIABLE)
    fault = ""
    if wanted not in ("lax", "own"):
        fault = onednn.find_fault() if backend == "cpu" else f"the device is a {backend}"
        if fault and wanted:
            raise UserError(f"{VARIABLE}={wanted}: {fault}")
        if devices > 1 and not wanted:  # each would compute what belongs to all
            fault = fault or "not with several devices"
    chosen = wanted or ("own" if fault else "onednn")
    threads = onednn.count_threads() if chosen == "onednn" else os.cpu_count()
    if backend == "cpu":
        reason = f" ({fault})" if fault else ""
        logging.info("convolutions: %s, %d threads%s", LIBRARIES[chosen], threads, reason)
    return chosen


FORMS: dict[str, dict[str, Callable[[jax.Array, jax.Array, How], jax.Array]]] = {
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
        "down": partial(convolution_winograd.down, function=partial(compute, "down")),
        "up": partial(convolution_winograd.up, function=partial(compute, "up")),
        "weigh": partial(convolution_winograd.weigh, function=partial(compute, "weigh")),
    },
    "onednn": {name: partial(convolution_onednn.compute, name) for name in FUNCTIONS},
    "abreast": {
        "down": partial(convolution_onednn.compute_abreast, "down"),
        "up": partial(convolution_onednn.compute_abreast, "up"),
        "weigh": forms.weigh_by_product,
    },
}
