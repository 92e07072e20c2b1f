"""Networks traced and not computed."""

import jax


def shapes(module, x):
    """Shapes of the variables and of the output in use; nothing is computed."""

    def run(x):
        variables = module.init(jax.random.key(0), x, train=False)
        return variables, module.apply(variables, x, train=False)

    return jax.eval_shape(run, x)
