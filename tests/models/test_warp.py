"""The warp model: prior, penalties and decided shares."""

import jax
import jax.numpy as jnp
import numpy as np

from facealign.models import warp


def test_unevenness_by_hand():
    flow = jnp.zeros((2, 3, 4, 2)).at[1].add(jnp.arange(4)[:, None] * jnp.array([1.0, -3.0]))
    np.testing.assert_allclose(warp.unevenness(flow), [0, 2], rtol=1e-6)


def test_entropy_by_hand_and_its_gradient_is_finite_at_zero_shares():
    shares = jnp.array([[1.0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]])[:, None, None]
    np.testing.assert_allclose(warp.entropy(shares), np.log([1, 3, 2]), atol=1e-6)
    assert np.isfinite(jax.grad(lambda s: warp.entropy(s).sum())(shares)).all()


def test_prior_prefers_the_better_side_then_the_own_side_then_the_filling():
    sides = jnp.array([[1.0, 1.0], [0.9, -0.5], [-0.5, 0.9], [0.6, 1.0], [-0.5, -0.5]])
    logits = warp.prior(sides[None, None])[0, 0]
    np.testing.assert_array_equal(logits.argmax(axis=-1), [0, 0, 1, 1, 2])
    np.testing.assert_allclose(logits[2], [-2.0, 2.6, -1.0], rtol=1e-6)


def test_needless_filling_is_weighted_by_the_better_side():
    shares = jnp.array([0.0, 0.2, 0.8])
    sides = jnp.array([[1.0, 0.0], [-1.0, 0.5], [-1.0, -0.2]])
    needless = warp.needless_filling(jnp.tile(shares, (3, 1, 1, 1)), sides[:, None, None])
    np.testing.assert_allclose(needless, [0.8, 0.4, 0.0], rtol=1e-6)


def test_decided_scales_the_logits_of_profiles_and_keeps_those_of_frontal_heads():
    logits = jnp.tile(jnp.array([1.0, 0.0, -2.0]), (4, 1, 1, 1))
    factors = warp.decided(logits, jnp.array([0.0, -29.0, 45.0, -90.0]))[:, 0, 0, 0]
    np.testing.assert_allclose(factors, [1, 1, 3, 5])
    shares = jax.nn.softmax(warp.decided(logits, jnp.full(4, 90.0)))
    assert shares.argmax(axis=-1).max() == 0
    np.testing.assert_allclose(shares.sum(axis=-1), 1, rtol=1e-6)


def test_the_decoder_decides_only_for_profiles_and_only_in_inference(monkeypatch):
    decoder = warp.Decoder()
    image = jax.random.uniform(jax.random.key(0), (2, 64, 64, 1), minval=-1)
    code = {"image": image, "pose": jnp.array([[5.0, 0.0], [80.0, 0.0]])}
    variables = jax.jit(lambda c: decoder.init(jax.random.key(1), c, train=False))(code)

    def decode(train):
        def apply(code):
            return decoder.apply(variables, code, train=train, mutable=["batch_stats"])[0][-1]

        return np.asarray(jax.jit(apply)(code))

    before = {train: decode(train) for train in (False, True)}
    monkeypatch.setattr(warp, "DECIDED", 1.0)
    change = {train: np.abs(decode(train) - before[train]).max(axis=(1, 2, 3)) for train in before}
    assert change[False][0] == 0 and change[False][1] > 0.1
    np.testing.assert_array_equal(change[True], 0)
