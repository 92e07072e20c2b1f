"""Times of single convolutions in PyTorch, for layers.py: a layer a line, an answer a line.

A line of the standard input is [batch, height, C, D, kernel size, stride]; the answer is
{"down": ms, "up": ms, "weigh": ms}, the fastest call of the faster memory format. SAME padding.
Needs only requirements.txt, in an environment of its own.
"""

import json
import sys
import time
from collections.abc import Callable

import torch

FORMATS = (torch.contiguous_format, torch.channels_last)


def fastest(call: Callable[[], object], calls: int) -> float:
    """ms of the fastest call."""
    times = []
    for _ in range(calls + 2):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times[2:])


def time_layer(layer: list[int], memory_format: torch.memory_format, calls: int) -> list[float]:
    """ms of a convolution, its gradient in the input and its gradient in the kernel."""
    b, n, c, d, k, s = layer
    small, zeros = -(-n // s), max((-(-n // s) - 1) * s + k - n, 0)
    low, high = zeros // 2, zeros - zeros // 2
    x = torch.nn.functional.pad(torch.rand(b, c, n, n), (low, high, low, high))
    x = x.contiguous(memory_format=memory_format)
    kernel = torch.rand(d, c, k, k).contiguous(memory_format=memory_format)
    y = torch.rand(b, d, small, small).contiguous(memory_format=memory_format)

    def backward(*wanted: bool) -> object:
        return torch.ops.aten.convolution_backward(
            *(y, x, kernel, None, [s, s], [0, 0], [1, 1], False, [0, 0], 1), [*wanted, False]
        )

    functions = (
        lambda: torch.nn.functional.conv2d(x, kernel, stride=s),
        lambda: backward(True, False),
        lambda: backward(False, True),
    )
    return [fastest(function, calls) for function in functions]


def main() -> None:
    calls = int(sys.argv[1])
    for line in sys.stdin:
        rows = [time_layer(json.loads(line), form, calls) for form in FORMATS]
        answer = dict(zip(("down", "up", "weigh"), map(min, *rows), strict=True))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
