"""Which form a convolution takes on a CPU: by library, sizes and dtypes; numbers of Winograd's."""

import importlib.metadata
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.models import convolution_choice, convolutions, onednn, xla_ffi
from facealign.models.convolution_choice import FUNCTIONS, LIBRARIES, VARIABLE, fastest, library
from facealign.models.convolution_geometry import How, small_size
from facealign.models.convolution_winograd import ROWS, matrices

FAULT = onednn.find_fault()
needs_onednn = pytest.mark.skipif(bool(FAULT), reason=FAULT)
C, D = 64, 64  # channels, enough for Winograd's algorithm to be the fastest
LIBRARY = ["lax", "own", pytest.param("onednn", marks=needs_onednn)]


@pytest.fixture(autouse=True)
def unchosen(monkeypatch):
    """The environment names no library, and none was chosen before, nor is one afterwards."""
    monkeypatch.delenv(VARIABLE, raising=False)
    convolution_choice._library.cache_clear()
    yield
    convolution_choice._library.cache_clear()


def on_a_gpu(monkeypatch):
    """The default backend is a GPU, and there is no CPU backend to ask."""

    def refuse(backend=None):
        raise RuntimeError(f"asked for the devices of {backend}")

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "device_count", lambda backend=None: refuse(backend) if backend else 1)
    for name in ("devices", "local_devices", "local_device_count"):
        monkeypatch.setattr(jax, name, refuse)


@pytest.mark.parametrize("name", LIBRARY)
def test_the_environment_names_the_library_whatever_the_devices(name, monkeypatch):
    monkeypatch.setenv(VARIABLE, name)
    assert library() == name


def test_a_wrong_name_is_one_line_with_the_variable_and_the_choices(monkeypatch):
    monkeypatch.setenv(VARIABLE, "onedn")
    with pytest.raises(UserError) as error:
        library()
    choices = ", ".join(sorted(LIBRARIES))
    assert str(error.value) == (
        f"{VARIABLE}='onedn' is unknown (did you mean 'onednn'?); choose from: {choices}"
    )


def not_installed(name):
    raise importlib.metadata.PackageNotFoundError(name)


MISSING = importlib.metadata, "files", not_installed, r"requirements-cpu\.txt is not installed"
UNKNOWN = xla_ffi, "KNOWN", [], "XLA's FFI has version"


@pytest.mark.parametrize("change", [MISSING, pytest.param(UNKNOWN, marks=needs_onednn)])
def test_without_a_usable_onednn_only_the_wish_for_it_is_an_error(change, monkeypatch):
    *place, reason = change
    monkeypatch.setattr(*place)
    monkeypatch.setattr(onednn, "find_fault", onednn.find_fault.__wrapped__)  # asks again
    monkeypatch.setattr(jax, "device_count", lambda backend=None: 1)
    assert library() == "own"
    monkeypatch.setenv(VARIABLE, "onednn")
    with pytest.raises(UserError, match=f"^{VARIABLE}=onednn: {reason}"):
        library()


def test_several_devices_take_the_own_ones_and_one_takes_the_fastest(monkeypatch):
    assert jax.device_count() > 1 and library() == "own"
    monkeypatch.setattr(jax, "device_count", lambda backend=None: 1)
    assert library() == ("own" if FAULT else "onednn")


def test_a_gpu_takes_the_own_ones_and_asks_for_no_cpu(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "absl")
    on_a_gpu(monkeypatch)
    assert library() == "own" and not caplog.messages
    assert jax.eval_shape(convolutions.conv, *maps_and_kernel(4)[:2]).shape == (2, 9, 9, D)
    monkeypatch.setenv(VARIABLE, "onednn")
    with pytest.raises(UserError, match=f"^{VARIABLE}=onednn: the device is a gpu$"):
        library()


def test_the_log_says_once_which_library_it_is_and_why(caplog):
    caplog.set_level(logging.INFO, "absl")
    assert {library() for _ in range(3)} == {"own"}
    (message,) = caplog.messages
    assert message.startswith(f"convolutions: {LIBRARIES['own']}, ")
    assert message.endswith(f" threads ({FAULT or 'not with several devices'})")


# The fastest form of a function ------------------------------------------------------------------


def form_of(function, c, d, how, dtypes=("float32", "float32")):
    """The fastest form for arrays of C and D channels."""
    large, small, kernel = (2, *how.size, c), (2, *small_size(how), d), (*how.ks, c, d)
    shapes = {"down": (large, kernel), "up": (small, kernel), "weigh": (large, small)}[function]
    return fastest(function, *map(jax.ShapeDtypeStruct, shapes, map(jnp.dtype, dtypes)), how)


def square(size, k, stride):
    """A convolution of square maps and kernels, as `convolutions.conv` describes it."""
    low = convolutions._low((size, size), (k, k), stride)
    return How("", stride, (k, k), (size, size), low)


@pytest.mark.parametrize(
    ("function", "size", "k", "stride", "c", "d", "own", "by_onednn"),
    [
        ("down", 32, 4, 1, 64, 128, "winograd", "winograd"),
        ("weigh", 32, 4, 1, 64, 128, "winograd", "winograd"),
        ("down", 32, 3, 1, 64, 128, "winograd", "onednn"),
        ("down", 32, 4, 1, 32, 64, "phases", "onednn"),  # few channels
        ("down", 7, 4, 1, 64, 128, "phases", "onednn"),  # few rows
        ("up", 32, 4, 2, 1, 64, "products", "products"),  # thin
        ("down", 4, 5, 2, 64, 128, "products", "abreast"),  # 2 px small maps
        ("up", 2, 3, 1, 64, 128, "phases", "abreast"),
        ("up", 16, 5, 2, 64, 128, "phases", "onednn"),  # 8 px
        ("down", 8, 1, 1, 64, 128, "products", "onednn"),
        ("down", 8, 1, 2, 64, 128, "products", "products"),  # its padding is negative
    ],
)
def test_the_fastest_form_by_size(function, size, k, stride, c, d, own, by_onednn, monkeypatch):
    how = square(size, k, stride)
    for name, expected in [("own", own), *([] if FAULT else [("onednn", by_onednn)])]:
        monkeypatch.setenv(VARIABLE, name)
        assert form_of(function, c, d, how) == expected


@needs_onednn
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("other", ["bfloat16", "float64"])
def test_onednn_takes_float32_and_bfloat16_by_matrix_units(function, other, monkeypatch):
    monkeypatch.setenv(VARIABLE, "onednn")
    hows = [square(size, k, s) for size in (2, 8, 16, 32) for k, s in ((3, 1), (4, 1), (5, 2))]
    with jax.enable_x64(True):
        for dtypes in ((other, other), ("float32", other), (other, "float32")):
            used = {"onednn", "abreast"} & {form_of(function, C, D, h, dtypes) for h in hows}
            assert bool(used) == (dtypes == ("bfloat16", "bfloat16") and onednn.takes("bfloat16"))
    assert {"onednn", "abreast"} < {form_of(function, C, D, how) for how in hows}


@needs_onednn
@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_programs_of_other_dtypes_call_onednn_only_if_it_takes_them(dtype, monkeypatch):
    """Nor do the smaller convolutions that Winograd's algorithm is made of."""
    monkeypatch.setenv(VARIABLE, "onednn")

    def calls(dtype):
        program = jax.jit(lambda *args: value_and_gradients("", *args))
        text = program.lower(*maps_and_kernel(4, dtype)).as_text()
        return text.count(f"@{onednn.TARGET}(")

    with jax.enable_x64(True):
        assert (calls(dtype) > 0) == onednn.takes(dtype)
        assert calls("float32") > 0


# Numbers of Winograd's algorithm ------------------------------------------------------------------


def maps_and_kernel(k, dtype="float32"):
    """x, kernel and, for the gradients, one value for every output; stride 1."""
    rng = np.random.default_rng(k)
    shapes = (2, 9, 9, C), (k, k, C, D), (2, 9, 9, D)
    return [jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


def value_and_gradients(form, x, kernel, g):
    y, pull = jax.vjp(lambda *args: convolutions.conv(*args, form=form), x, kernel)
    return y, *pull(g)


def exact(x, kernel, g):
    """The same in float64 by numpy."""
    x, kernel, g = (np.asarray(array, np.float64) for array in (x, kernel, g))
    k, low = len(kernel), (len(kernel) - 1) // 2

    def patches(maps, low):
        pads = [(0, 0), *2 * [(low, k - 1 - low)], (0, 0)]
        return np.lib.stride_tricks.sliding_window_view(np.pad(maps, pads), (k, k), axis=(1, 2))

    def sums(pattern, *arrays):
        return np.einsum(pattern, *arrays, optimize=True)

    y = sums("bhwcij,ijcd->bhwd", patches(x, low), kernel)
    turned = sums("bhwdij,ijcd->bhwc", patches(g, k - 1 - low), kernel[::-1, ::-1])
    return y, turned, sums("bhwcij,bhwd->ijcd", patches(x, low), g)


def largest_error(form, k, dtype="float32"):
    """Of value and gradients, as a share of the largest number of each."""
    args = maps_and_kernel(k, dtype)
    made = jax.device_get(jax.jit(lambda *args: value_and_gradients(form, *args))(*args))
    pairs = zip(made, exact(*args), strict=True)
    return max(np.abs(a.astype(e.dtype) - e).max() / np.abs(e).max() for a, e in pairs)


@pytest.mark.parametrize(
    ("kernel", "y"), [((1, 2, 3), (14, 20, 26, 32)), ((1, 2, 3, 4), (30, 40, 50, 60))]
)
def test_four_sums_of_products_by_winograd_s_matrices(kernel, y):
    """One sum by hand: 1 * 1 + 2 * 2 + 3 * 3 = 14. And all sums, since they are bilinear."""
    a, g, b = (matrix.astype(np.float64) for matrix in matrices(len(kernel)))
    x = np.arange(1, ROWS + len(kernel))
    np.testing.assert_allclose(a.T @ ((g @ kernel) * (b @ x)), y, rtol=1e-6)
    sums = np.einsum("pi,pj,pn->ijn", a, g, b)
    i, j, n = np.indices(sums.shape)
    np.testing.assert_allclose(sums, i + j == n, atol=4 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("k", [3, 4])
def test_winograd_s_algorithm_rounds_a_little_more_than_plain_sums(k):
    assert largest_error("lax", k) < 1.5e-6
    assert largest_error("winograd", k) < 5e-6


# Faults of `fastest` and `matrices`, to be mended: winograd has points for kernels up to 4, is not
# for bfloat16, and for float64 wants matrices of float64.
@pytest.mark.parametrize("k", [1, 2, 3, 5, 6, 7])
def test_kernels_of_any_size_can_be_computed(k, monkeypatch):
    monkeypatch.setenv(VARIABLE, "own")
    assert largest_error("", k) < 5e-6


@pytest.mark.parametrize(("dtype", "limit"), [("bfloat16", 0.01), ("float64", 1e-13)])
@pytest.mark.parametrize("form", ["lax", ""])
def test_other_dtypes_are_as_exact_as_with_xla(form, dtype, limit, monkeypatch):
    monkeypatch.setenv(VARIABLE, "own")
    with jax.enable_x64(True):
        assert largest_error(form, 4, dtype) < limit
