"""The pool of earlier fakes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.models.image_pool import ImagePool

SIZE, BATCH = 8, 4


def run(steps, size=SIZE):
    """Runs a pool on images that are numbers 1, 2, ...

    Returns:
      The images of each step and the images that the pool returned, both [steps, B], and the images
      that the pool holds at the end, [size].
    """
    pool = ImagePool(size)
    kept = pool.init(jax.random.key(0), jnp.zeros((1, 1, 1, 1)), train=False)
    call = jax.jit(
        lambda kept, fakes, key: pool.apply(
            kept, fakes, train=True, rngs={"sample": key}, mutable=["batch_stats"]
        )
    )
    numbers, back = 1 + np.arange(steps * BATCH).reshape(steps, BATCH), []
    for step, row in enumerate(numbers):
        shown, kept = call(kept, jnp.float32(row).reshape(-1, 1, 1, 1), jax.random.key(step))
        back.append(np.asarray(shown).ravel())
    return numbers, np.array(back), np.asarray(kept["batch_stats"]["fakes"]).ravel()


def test_a_filling_pool_returns_and_keeps_all_fakes():
    numbers, back, kept = run(SIZE // BATCH)
    np.testing.assert_array_equal(back, numbers)
    assert sorted(kept) == sorted(numbers.ravel())


def test_a_full_pool_swaps_about_half_and_neither_loses_nor_repeats_fakes():
    numbers, back, kept = run(100)
    exchanged = (back != numbers)[SIZE // BATCH :]
    assert 0.4 < exchanged.mean() < 0.6
    assert (back <= numbers).all()  # of this step or an earlier one
    late = back[SIZE // BATCH :].ravel()
    assert len(set(late)) == len(late)
    # A fake is returned once while the pool fills, and at most once later. Fakes that were never
    # returned are still in the pool.
    assert set(numbers.ravel()) == set(back.ravel()) | set(kept)


def test_a_full_pool_holds_fakes_of_many_steps():
    kept = run(100)[2]
    assert len(set(kept)) == SIZE
    assert np.ptp(kept) > SIZE


def test_inference_returns_fakes_and_keeps_the_pool_unchanged():
    pool, fakes = ImagePool(SIZE), jnp.ones((BATCH, 2, 2, 1))
    kept = pool.init(jax.random.key(0), fakes, train=False)
    np.testing.assert_array_equal(pool.apply(kept, fakes, train=False), fakes)
    assert not kept["batch_stats"]["fakes"].any()


def test_a_batch_larger_than_the_pool_is_refused():
    with pytest.raises(UserError, match=r"discriminator\.pool=3 .* batch of 4"):
        run(1, size=3)
