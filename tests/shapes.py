"""Networks traced and not computed."""

import jax

from facealign.geometry.matte_window import STORED
from facealign.models import completion
from facealign.names import DOMAINS


def shapes(module, x):
    """Shapes of the variables and of the output in use; nothing is computed."""

    def run(x):
        variables = module.init(jax.random.key(0), x, train=False)
        return variables, module.apply(variables, x, train=False)

    return jax.eval_shape(run, x)


def head_labels(count):
    """What a batch for a reader, a matte, a detector or a completion knows, by field and domain."""
    fields = {
        "landmarks": (68, 2),
        "known": (68,),
        "rotation": (3, 3),
        "posed": (),
        "identity": (24,),
        "expression": (41,),
        "shaped": (),
        "alpha": (STORED, STORED),
        "sure": (STORED, STORED),
        "ball": (3,),
        "up": (2,),
        "maps": (completion.SIZE // 2, completion.SIZE // 2, completion.MAPS + 1),
    }
    return {
        f"{field}_{domain}": jax.ShapeDtypeStruct((count, *shape), "float32")
        for field, shape in fields.items()
        for domain in DOMAINS
    }
