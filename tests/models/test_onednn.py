"""oneDNN's convolutions are XLA's, from any thread, in any transformation, after any error."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.models import convolutions, onednn
from facealign.models.convolution_choice import FORMS, FUNCTIONS, VARIABLE, fastest
from facealign.models.convolution_geometry import How, small_size
from facealign.models.convolution_onednn import shapes_of

FAULT = onednn.find_fault()
pytestmark = pytest.mark.skipif(bool(FAULT), reason=FAULT)
OURS = {"onednn": 8, "abreast": 2}  # forms, and the largest small maps in px to try them with
CASES = 10  # of a test
GUARD = 2**14  # numbers on both sides of an array, far beyond which nothing was ever written


def normal(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def value_and_gradients(function, x, kernel):
    """The value, and the gradients of half its square."""
    y, pull = jax.vjp(function, x, kernel)
    return y, *pull(y)


def random_case(rng, largest):
    """x and kernel, of any height and width up to the largest and to 7."""
    ks, size = rng.integers(2, 8, 2), rng.integers(1, largest + 1, 2)
    c, d = rng.choice([1, 3, 8, 17], 2)
    ks = np.where(rng.random(2) < 0.1, 1, ks)
    return normal((rng.choice([1, 3]), *size, c)), normal((*ks, c, d), 1)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("form", OURS)
def test_values_and_gradients_are_those_of_xla(form, stride, transpose):
    """Of all three functions, which are each other's gradients."""
    convolve = convolutions.conv_transpose if transpose else convolutions.conv
    rng = np.random.default_rng(0)
    cases = random_cases(rng, form, 1 if transpose else stride, stride)

    def run(form, cases):
        function = partial(convolve, stride=stride, form=form)
        return [value_and_gradients(function, *case) for case in cases]

    # Without LLVM's optimizations, which take longer than all the rest.
    options = {"xla_backend_optimization_level": 0}
    program = jax.jit(lambda cases: [run(f, cases) for f in (form, "lax")], compiler_options=options)
    for ours, theirs in zip(*map(jax.tree.leaves, jax.device_get(program(cases))), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_random_cases_have_every_kind():
    """Kernels of 1 to 7, maps smaller than the kernel and larger ones, one image and several."""
    rng = np.random.default_rng(0)
    cases = [random_case(rng, 1) for _ in range(3 * CASES)]
    assert {k for _, kernel in cases for k in kernel.shape[:2]} == set(range(1, 8))
    assert {max(x.shape[1:3]) < min(kernel.shape[:2]) for x, kernel in cases} == {False, True}
    assert {min(x.shape[1:3]) > max(kernel.shape[:2]) for x, kernel in cases} == {False, True}
    assert {len(x) for x, _ in cases} == {1, 3}


def network(form, x, kernels):
    """Several convolutions one after the other, and all gradients."""

    def apply(x, kernels):
        for kernel in kernels:
            x = jnp.tanh(convolutions.conv(x, kernel, 1, form))
        return x

    return value_and_gradients(apply, x, kernels)


KERNELS = [normal((k, k, 8, 8), k) / (8 * k) for k in (1, 3, 4, 5)]


@pytest.mark.parametrize("form", OURS)
def test_the_same_numbers_from_many_threads_at_once_and_every_time(form):
    run = jax.jit(lambda x: network(form, x, KERNELS))
    maps = [normal((2, 9, 7, 8), seed) for seed in range(8)]
    alone = jax.device_get([run(x) for x in maps])
    with ThreadPoolExecutor(4) as pool:
        together = jax.device_get(list(pool.map(run, 3 * maps)))
    for once, again in zip(3 * alone, together, strict=True):
        jax.tree.map(np.testing.assert_array_equal, again, once)


def test_convolutions_made_in_one_thread_run_in_another():
    """Each with the scratchpad that it was made for, and not with one that belongs to a thread."""
    how = How("", 1, (5, 5), (12, 12), (2, 2))
    maps, kernel = normal((2, 12, 12, 16)), normal((5, 5, 16, 16), 1)
    pairs = {"down": (maps, kernel), "up": (maps, kernel), "weigh": (maps, maps)}
    padding, room = [(2, 2), (2, 2)], onednn._Room()

    def make(function):
        shapes = shapes_of(function, *pairs[function], how)
        return onednn._Convolution(json.dumps([function, shapes, (1, 1), padding, False]).encode())

    def run(function):
        out = np.full((kernel if function == "weigh" else maps).shape, np.nan, np.float32)
        made[function](room, *(array.ctypes.data for array in (*pairs[function], out)))
        return out

    with ThreadPoolExecutor(1) as maker, ThreadPoolExecutor(1) as runner:
        made = dict(zip(FUNCTIONS, maker.map(make, FUNCTIONS), strict=True))
        there = dict(zip(FUNCTIONS, runner.map(run, FUNCTIONS), strict=True))
    for function, pair in pairs.items():
        np.testing.assert_array_equal(run(function), there[function])
        expected = FORMS["lax"][function](*map(jnp.asarray, pair), how)
        np.testing.assert_allclose(there[function], expected, atol=1e-5 * np.abs(expected).max())


def test_inside_scan_vmap_and_a_step_that_donates():
    x, kernel = jnp.asarray(normal((3, 2, 6, 5, 4))), normal((3, 3, 4, 4), 1) / 6

    def run(form):
        def step(x):
            return jnp.tanh(convolutions.conv(x, kernel, 1, form))

        def loss(kernel):
            each = jax.vmap(lambda one: convolutions.conv(one, kernel, 2, form))
            return jnp.square(each(x)).sum()

        looped = jax.jit(lambda x: jax.lax.scan(lambda x, _: (step(x), x), x[0], length=4))(x)
        donated = jax.jit(step, donate_argnums=0)(step(x[0]))
        return looped, jax.jit(jax.vmap(step))(x), jax.jit(jax.grad(loss))(kernel), donated

    expected = run("lax")
    for form in OURS:
        jax.tree.map(partial(np.testing.assert_allclose, atol=2e-5, rtol=1e-5), run(form), expected)


TOO_MANY = json.dumps(
    ["down", [(1, 4, 4, 2), (1, 4, 4, 2), (3, 3, 5, 2)], (1, 1), [(1, 1)] * 2, False]
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "Expecting value"),
        (TOO_MANY, r"oneDNN's convolution_forward_primitive_desc_create returned status \d"),
    ],
)
def test_a_wrong_description_is_an_error_in_python_and_nothing_else(text, message):
    x, kernel = normal((2, 5, 5, 3)), normal((3, 3, 3, 4), 1)
    shape = jax.ShapeDtypeStruct((1,), jnp.float32)

    def wrong(x):
        return jax.ffi.ffi_call(onednn.TARGET, shape)(x, kernel, text=text)

    for _ in range(2):
        with pytest.raises(jax.errors.JaxRuntimeError, match=message):
            jax.jit(wrong)(x).block_until_ready()
        ours, theirs = (convolutions.conv(x, kernel, 1, form) for form in ("onednn", "lax"))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
