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

FAULT = onednn.find_fault()
pytestmark = pytest.mark.skipif(bool(FAULT), reason=FAULT)
OURS = {"onednn": 9, "abreast": 2}  # forms, and the largest small map in px that they are for
KINDS = [*itertools.product(OURS, (1, 2), (False, True))]  # form, stride, transposed or not


def normal(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def value_and_gradients(function, x, kernel):
    """The value, and the gradients of half its square."""
    y, pull = jax.vjp(function, x, kernel)
    return y, *pull(y)


# Numbers ------------------------------------------------------------------------------------------


def random_cases(form, stride, transpose, count=8):
    """Each x and kernel: of odd and even sizes, maps often smaller than their kernel."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        size = rng.integers(1, OURS[form] * (1 if transpose else stride) + 1, 2)
        (c, d), b = rng.choice([1, 3, 8, 17], 2), rng.choice([1, 3])
        yield normal((b, *size, c)), normal((*rng.integers(stride, 8, 2), c, d), 1)


@pytest.mark.skipif(bool(FAULT) or not onednn.takes("bfloat16"), reason="no matrix units")
@pytest.mark.parametrize(("form", "stride", "transpose"), KINDS)
def test_bfloat16_is_rounded_as_by_xla(form, stride, transpose):
    """Sums are float32 all the same: results are off by their own rounding, 2**-9, and inputs'."""
    convolve = partial(
        convolutions.conv_transpose if transpose else convolutions.conv, stride=stride
    )
    for case in random_cases(form, stride, transpose, count=3):
        x, kernel = (jnp.asarray(array, jnp.bfloat16) for array in case)
        ours = value_and_gradients(partial(convolve, form=form), x, kernel)
        wide = (array.astype(jnp.float32) for array in (x, kernel))
        theirs = value_and_gradients(partial(convolve, form="lax"), *wide)
        for one, true in zip(ours, theirs, strict=True):
            assert one.dtype == jnp.bfloat16
            np.testing.assert_allclose(
                one.astype(jnp.float32), true, rtol=0, atol=0.02 * np.abs(true).max()
            )


@pytest.mark.parametrize(("form", "stride", "transpose"), KINDS)
def test_values_and_gradients_are_those_of_xla(form, stride, transpose):
    """Of all three functions, which are each other's gradients."""
    convolve = convolutions.conv_transpose if transpose else convolutions.conv

    def run(cases, form):
        function = partial(convolve, stride=stride, form=form)
        return [value_and_gradients(function, *case) for case in cases]

    options = {"xla_backend_optimization_level": 0}  # LLVM's take longer than all the rest
    program = jax.jit(lambda x: (run(x, form), run(x, "lax")), compiler_options=options)
    results = jax.device_get(program([*random_cases(form, stride, transpose)]))
    for ours, theirs in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_the_random_cases_are_of_every_kind():
    """Kernels of 1 to 7, maps smaller than the kernel and larger ones, one image and several."""
    cases = [case for kind in KINDS for case in random_cases(*kind)]
    shapes = [(x.shape[1:3], kernel.shape[:2]) for x, kernel in cases]
    assert {k for _, ks in shapes for k in ks} == set(range(1, 8))
    assert {max(size) < min(ks) for size, ks in shapes} == {False, True}
    assert {min(size) > max(ks) for size, ks in shapes} == {False, True}
    assert {n % 2 for size, _ in shapes for n in size} == {0, 1}
    assert {len(x) for x, _ in cases} == {1, 3}


# Memory and threads -------------------------------------------------------------------------------

GUARD = 2**15  # numbers on both sides of an array
SQUARE = [(n, n) for n in (1, 2, 3, 4, 5, 8, 13)]
LONG = [(5, 1), (1, 5), (7, 2), (2, 7), (13, 3), (3, 13)]


def guarded(shape, rng=None):
    """An array, and a larger one that it lies in, with nan all around."""
    count = int(np.prod(shape))
    around = np.full(GUARD + count + GUARD, np.nan, np.float32)
    inside = around[GUARD : GUARD + count].reshape(shape)
    if rng:
        inside[:] = rng.standard_normal(shape, np.float32)
    return inside, around


def described(function, c, d, how):
    """What XLA is told: the text of a call of oneDNN, and the shapes of its arrays."""
    large, small = (2, *how.size, c), (2, *small_size(how), d)
    kernel = *how.ks, *((d, c) if how.transposed else (c, d))
    shapes = {"down": (large, kernel), "up": (small, kernel), "weigh": (large, small)}[function]
    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    form = FORMS[fastest(function, *arrays, how)][function]
    equations = jax.make_jaxpr(partial(form, how=how))(*arrays).eqns
    calls = [each for each in equations if each.primitive.name == "ffi_call"]
    for call in calls:
        ((_, text),) = call.params["attributes"]
        yield text.encode(), [var.aval.shape for var in (*call.invars, *call.outvars)]


def check_guarded(text, shapes):
    """Asserts that the result is finite, and that nothing was written beside it."""
    rng, made, room = np.random.default_rng(0), onednn._Convolution(text), onednn._Room()
    room.bytes = np.full(made.size + GUARD, 255, np.uint8)  # nan
    used = room.reserve(made.size) - room.bytes.ctypes.data + made.size
    *given, (out, around) = [guarded(shape, rng) for shape in shapes[:-1]] + [guarded(shapes[-1])]
    made(room, *(array.ctypes.data for array, _ in given), out.ctypes.data)
    assert np.isfinite(out).all(), text
    assert np.isnan(around).sum() == 2 * GUARD and (room.bytes[used:] == 255).all(), text


@pytest.mark.parametrize(
    ("function", "sizes"),
    [*itertools.product(FUNCTIONS, [SQUARE]), ("down", LONG), ("up", LONG),
     ("weigh", LONG)],
)  # fmt: skip
def test_no_other_memory_is_read_or_written(function, sizes, monkeypatch):
    """By convolutions in the forms that are chosen for them."""
    monkeypatch.setenv(VARIABLE, "onednn")
    hows = itertools.product(sizes, range(1, 8), (1, 2), (False, True))
    count = 0
    for size, k, stride, transposed in hows:
        how = How("", stride, (k, k), size, convolutions._low(size, (k, k), stride), transposed)
        for call in described(function, 8, 17, how):
            check_guarded(*call)
            count += 1
    assert count > 100


def test_convolutions_made_in_one_thread_run_in_another(monkeypatch):
    """Each with the scratchpad that it was made for, and not with one that belongs to a thread."""
    monkeypatch.setenv(VARIABLE, "onednn")
    how = How("", 1, (5, 5), (12, 12), (2, 2))
    calls = [call for function in FUNCTIONS for call in described(function, 8, 17, how)]
    arrays = [[normal(shape, seed) for seed, shape in enumerate(shapes)] for _, shapes in calls]
    room = onednn._Room()

    def run(number):
        *given, out = arrays[number]
        out = np.full_like(out, np.nan)
        made[number](room, *(array.ctypes.data for array in (*given, out)))
        return out

    with ThreadPoolExecutor(1) as maker, ThreadPoolExecutor(1) as runner:
        made = list(maker.map(lambda call: onednn._Convolution(call[0]), calls))
        there = list(runner.map(run, range(len(calls))))
    for number, function in enumerate(FUNCTIONS):
        np.testing.assert_array_equal(run(number), there[number])
        expected = FORMS["lax"][function](*map(jnp.asarray, arrays[number][:2]), how)
        np.testing.assert_allclose(there[number], expected, atol=1e-5 * np.abs(expected).max())


KERNELS = [normal((k, k, 8, 8), k) / (8 * k) for k in (1, 3, 4, 5)]


@pytest.mark.parametrize("form", OURS)
def test_the_same_numbers_from_many_threads_at_once_and_every_time(form):
    def network(x, kernels):
        for kernel in kernels:
            x = jnp.tanh(convolutions.conv(x, kernel, 1, form))
        return x

    run = jax.jit(lambda x: value_and_gradients(network, x, KERNELS))
    maps = [normal((2, 2, 2, 8), seed) for seed in range(8)]
    alone = jax.device_get([run(x) for x in maps])
    with ThreadPoolExecutor(4) as pool:
        together = jax.device_get(list(pool.map(run, 3 * maps)))
    for once, again in zip(3 * alone, together, strict=True):
        jax.tree.map(np.testing.assert_array_equal, again, once)


# Programs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", OURS)
def test_inside_scan_vmap_and_a_step_that_donates(form):
    x, kernel = jnp.asarray(normal((3, 2, 2, 2, 4))), normal((3, 3, 4, 4), 1) / 6

    def run(form):
        def step(x):
            return jnp.tanh(convolutions.conv(x, kernel, 1, form))

        def loss(kernel):
            each = jax.vmap(lambda one: convolutions.conv(one, kernel, 2, form))
            return jnp.square(each(x)).sum()

        looped = jax.jit(lambda x: jax.lax.scan(lambda x, _: (step(x), x), x[0], length=4))(x)
        donated = jax.jit(step, donate_argnums=0)(step(x[0]))
        return looped, jax.jit(jax.vmap(step))(x), jax.jit(jax.grad(loss))(kernel), donated

    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=2e-5), run(form), run("lax"))


SHAPES = (1, 4, 4, 2), (1, 4, 4, 2), (3, 3, 5, 2)  # maps of 2 channels, a kernel for 5
IMPOSSIBLE = json.dumps(["down", "float32", SHAPES, (1, 1), [(1, 1), (1, 1)], False])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "Expecting value"),
        (IMPOSSIBLE, r"oneDNN's convolution_forward_primitive_desc_create returned status \d"),
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


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
@pytest.mark.parametrize("form", OURS)
def test_other_dtypes_are_refused_when_a_program_is_traced(form, dtype):
    if onednn.takes(dtype):
        pytest.skip("this CPU has matrix units")
    with jax.enable_x64(True), pytest.raises((TypeError, ValueError, RuntimeError), match=dtype):
        x, kernel = (jax.ShapeDtypeStruct((2, 2, 2, 2), dtype) for _ in range(2))
        jax.eval_shape(lambda *args: convolutions.conv(*args, form=form), x, kernel)
