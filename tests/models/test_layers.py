"""Layers equal those of Flax in names, shapes, initial values, results and gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.models import convolutions, layers, onednn
from facealign.models.layers import OUTPUTS, to_image

OWN = ["phases", "products"]
ONEDNN = [] if onednn.find_fault() else ["onednn", "abreast"]
MAPS = [(1, 7), (4, 8)]  # odd and even; smaller and larger than the kernel


def check_close(actual, expected):
    """Asserts that leaves are equal to 1e-4 of the largest value of each leaf."""
    actual, expected = jax.device_get((actual, expected))
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=1e-4 * np.abs(e).max() + 1e-6)


def quick_jit(function):
    """`jax.jit` without LLVM's optimizations; these tests take longer to compile than to run."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def value_and_gradients(apply, x, kernel):
    """The value of apply(x, kernel), and the gradients of half its square in x and kernel."""
    y, pull = jax.vjp(apply, x, kernel)
    return y, pull(y)


def flax_layer(transpose: bool, k: int, s: int, features: int = 3, bias: bool = False):
    """The layer of Flax."""
    if transpose:
        return nn.ConvTranspose(features, (k, k), (s, s), padding="SAME", use_bias=bias)
    return nn.Conv(features, (k, k), s, padding="SAME", use_bias=bias)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(("k", "s"), [(1, 2), (3, 2), (4, 2), (5, 2), (7, 2), (4, 1)])
def test_every_formulation_equals_flax(transpose, k, s, channels=(2, 3)):
    """Values and gradients, for every formulation on any backend."""
    function = convolutions.conv_transpose if transpose else convolutions.conv
    reference = flax_layer(transpose, k, s, channels[1])
    kernel = jax.random.normal(jax.random.key(9), (k, k, *channels))
    maps = [jax.random.normal(jax.random.key(h), (2, h, w, channels[0])) for h, w in MAPS]

    def flax(x, kernel):
        return reference.apply({"params": {"kernel": kernel}}, x)

    forms = [*OWN, *(ONEDNN if k >= s else []), *(["winograd"] if s == 1 else [])]

    def run(maps, kernel):
        ours = [lambda x, kernel, f=f: function(x, kernel, s, f) for f in forms]
        return [[value_and_gradients(f, x, kernel) for x in maps] for f in (flax, *ours)]

    expected, *results = quick_jit(run)(maps, kernel)
    for result in results:
        check_close(result, expected)


@pytest.mark.parametrize(("k", "s", "channels"), [(4, 1, (9, 2)), (3, 1, (9, 2)), (5, 2, (2, 40))])
@pytest.mark.parametrize("transpose", [False, True])
def test_different_numbers_of_channels_equal_flax(transpose, k, s, channels):
    """Few output channels for many input channels, and more channels than TILE."""
    test_every_formulation_equals_flax(transpose, k, s, channels)


@pytest.mark.parametrize("form", OWN + ONEDNN)
@pytest.mark.parametrize("transpose", [False, True])
def test_gradient_penalty_equals_lax(form, transpose):
    """The gradient of a squared gradient, as in R1, in kernel and input."""
    function = convolutions.conv_transpose if transpose else convolutions.conv
    x = jax.random.normal(jax.random.key(0), (2, 4, 6, 2))
    kernel = jax.random.normal(jax.random.key(1), (5, 5, 2, 3))

    def penalty(x, kernel, form):
        grad = jax.grad(lambda x: jnp.tanh(function(x, kernel, 2, form)).sum())(x)
        return (grad**2).sum()

    def run(x, kernel):
        return [jax.grad(penalty, (0, 1))(x, kernel, f) for f in (form, "lax")]

    ours, flax = quick_jit(run)(x, kernel)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(ours))
    check_close(ours, flax)


@pytest.mark.parametrize(("size", "batch"), [(1, 256), (9, 1)])
@pytest.mark.parametrize("transpose", [False, True])
def test_modules_equal_flax(transpose, size, batch):
    """Equal parameter names, initial values for a key, and outputs."""
    ours = (layers.ConvTranspose if transpose else layers.Conv)(8, 5, stride=2, use_bias=True)
    reference = flax_layer(transpose, 5, 2, features=8, bias=True)
    x = jax.random.normal(jax.random.key(0), (batch, size, size, 8))
    results = [
        quick_jit(lambda x, m=m: m.init_with_output(jax.random.key(1), x))(x)
        for m in (ours, reference)
    ]
    check_close(*results)


def test_modules_default_strides():
    """By default, a convolution keeps the size, a transposed one doubles it; neither has a bias."""
    x = jnp.zeros((1, 6, 4, 2))
    for module, shape in [(layers.Conv, (1, 6, 4, 3)), (layers.ConvTranspose, (1, 12, 8, 3))]:
        y, variables = jax.eval_shape(module(3, 3).init_with_output, jax.random.key(0), x)
        assert y.shape == shape
        assert set(variables["params"]) == {"kernel"}


@pytest.mark.parametrize(("use_scale", "use_bias"), [(True, True), (False, True)])
def test_batch_norm_equals_flax(use_scale, use_bias):
    """Output, gradients and running statistics in training, and the output in inference."""
    x = 3 * jax.random.normal(jax.random.key(0), (4, 6, 5, 8)) + 2
    target = jax.random.normal(jax.random.key(1), x.shape)
    ours = layers.BatchNorm(use_scale=use_scale, use_bias=use_bias)
    flax = nn.BatchNorm(momentum=0.9, epsilon=1e-5, use_scale=use_scale, use_bias=use_bias)

    def run(x, apply, init):
        variables = init(jax.random.key(2), x)
        params = jax.tree.map(lambda p: p + 0.5, variables["params"])

        def loss(params, x):
            both = {**variables, "params": params}
            y, updated = apply(both, x, True, mutable=["batch_stats"])
            return ((y - target) ** 2).mean(), (y, updated)

        (_, (y, updated)), grads = jax.value_and_grad(loss, (0, 1), has_aux=True)(params, x)
        return variables, y, updated, grads, apply({"params": params, **updated}, x, False)

    def run_both(x):
        def flax_apply(variables, x, train, **kwargs):
            return flax.apply(variables, x, use_running_average=not train, **kwargs)

        return (
            run(x, ours.apply, lambda key, x: ours.init(key, x, True)),
            run(x, flax_apply, lambda key, x: flax.init(key, x, use_running_average=False)),
        )

    check_close(*quick_jit(run_both)(x))


def test_depth_to_space_makes_blocks_of_channels_row_by_row():
    x = jnp.arange(2 * 4 * 6 * 12.0).reshape(2, 4, 6, 12)
    y = layers.depth_to_space(x, 2)
    assert y.shape == (2, 8, 12, 3)
    np.testing.assert_array_equal(y[1, 0:2, 4:6].reshape(-1), x[1, 0, 2])


def test_linear_upsampling_equals_jax():
    x = jax.random.normal(jax.random.key(0), (2, 3, 5, 4))
    expected = jax.image.resize(x, (2, 6, 10, 4), "linear")
    np.testing.assert_allclose(layers.upsample_linearly(x), expected, atol=1e-6)


def test_max_pool_equals_flax_and_upsample_equals_repeat():
    """Values and gradients; max pooling passes the gradient only to the maximum."""
    x = jax.random.permutation(jax.random.key(0), 2 * 4 * 6 * 3.0 * jnp.arange(1, 145) / 144)
    x = x.reshape(2, 4, 6, 3)
    np.testing.assert_array_equal(layers.max_pool(x), nn.max_pool(x, (2, 2), (2, 2)))
    ours = jax.grad(lambda x: (layers.max_pool(x) ** 2).sum())(x)
    flax = jax.grad(lambda x: (nn.max_pool(x, (2, 2), (2, 2)) ** 2).sum())(x)
    np.testing.assert_array_equal(ours, flax)
    np.testing.assert_array_equal(layers.upsample(x), x.repeat(2, axis=1).repeat(2, axis=2))
    np.testing.assert_array_equal(jax.grad(lambda x: layers.upsample(x).sum())(x), 4.0)


def test_the_error_for_an_unknown_output_suggests_the_nearest():
    with pytest.raises(UserError, match="did you mean 'sigmoid'"):
        to_image(jnp.zeros(1), "sigmod")


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_rise_from_black_to_white(output):
    values = to_image(jnp.array([-100.0, -1, 0, 0.5, 100]), output)
    assert np.all(np.diff(values) >= 0)
    assert values[0] == -1 and values[-1] >= 1
    assert output == "relu" or values[-1] == 1  # ReLU has no upper bound


def test_0_is_gray_with_tanh_and_sigmoid_and_black_with_relu():
    middles = {output: float(to_image(jnp.zeros(()), output)) for output in OUTPUTS}
    assert middles == {"tanh": 0, "sigmoid": 0, "relu": -1}
