"""oneDNN's convolutions inside jitted functions on a CPU: `pip install -r requirements-cpu.txt`.

XLA calls Python, through `xla_ffi`, with a text that says which convolution it is, and with the
addresses of its arrays; oneDNN's C library (uxlfoundation.github.io/oneDNN) runs on them. It is
reached by ctypes alone; nothing is compiled.
"""

import ctypes
import functools
import importlib.metadata
import json
import math
import os
import threading
from collections.abc import Iterable, Sequence
from ctypes import Structure, byref, c_int, c_int64, c_size_t, c_void_p
from functools import partial

import jax
import numpy as np

from facealign.models import xla_ffi

DISTRIBUTION, FILE = "onednn-cpu-gomp", "libdnnl.so.3"  # as in requirements-cpu.txt
TARGET = "facealign_onednn"

# Numbers of enums in oneDNN's dnnl_types.h.
CPU, IN_ORDER, ANY, TRAINING, DIRECT = 1, 1, 1, 64, 1
DTYPES = {"float32": 3, "bfloat16": 2}
AMX = 0xFEF  # of dnnl_cpu_isa_t: matrix units, for bfloat16
SRC, DST, WEIGHTS, DIFF_SRC, DIFF_DST, DIFF_WEIGHTS = 1, 17, 33, 129, 145, 161
SCRATCHPAD, USER = 80, 1
LAYOUT_OF, SCRATCHPAD_OF = {WEIGHTS: 131, DIFF_WEIGHTS: 132}, 136
ALIGNMENT = 64

Shape = Sequence[int]


def convolve(
    function: str,
    a: jax.Array,
    b: jax.Array,
    shapes: tuple[Shape, Shape, Shape],
    strides: Shape,
    padding: Sequence[tuple[int, int]],
    transposed: bool,
) -> jax.Array:
    """`down`, `up` or `weigh` of `convolutions`, of any number of spatial axes.

    Args:
        function: its name.
        a: the first argument, of a dtype that it `takes`.
        b: the second argument, of the same.
        shapes: of the large map [B, ..., C], the small map [B, ..., D] and the kernel [..., C, D].
        strides: of every spatial axis.
        padding: zeros before and after every spatial axis of the large map.
        transposed: the kernel is [..., D, C]. Its first tap comes first all the same.

    Raises:
        RuntimeError: `find_fault` finds one.
        TypeError: arguments of other dtypes.
    """
    if fault := find_fault():
        raise RuntimeError(fault)
    if a.dtype != b.dtype or not takes(a.dtype.name):
        raise TypeError(f"oneDNN is not asked for {a.dtype} and {b.dtype} on this CPU")
    out = dict(zip(("up", "down", "weigh"), shapes, strict=True))[function]
    call = jax.ffi.ffi_call(TARGET, jax.ShapeDtypeStruct(out, a.dtype), vmap_method="sequential")
    about = function, a.dtype.name, shapes, strides, padding, transposed
    return call(a, b, text=json.dumps(about))


@functools.cache
def find_fault() -> str:
    """Why oneDNN cannot be used here, "" if it can. The first call loads it."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return "requirements-cpu.txt is not installed"
    if fault := xla_ffi.find_fault():
        return fault
    paths = (file.locate() for file in files if file.name == FILE)
    path = next((path for path in paths if path.exists()), FILE)  # or on the system's own path
    try:
        _library.load(str(path))
    except (OSError, AttributeError, RuntimeError) as error:  # no libgomp, not this machine's, ...
        return f"oneDNN cannot be loaded: {error}"
    xla_ffi.register(TARGET, _run)
    return ""


def takes(dtype: str) -> bool:
    """Whether oneDNN is faster than XLA with numbers of a dtype, if there is no fault."""
    if dtype == "bfloat16":
        return _library.c.dnnl_get_effective_cpu_isa() & AMX == AMX
    return dtype in DTYPES


def count_threads() -> int:
    """Threads that a convolution runs on."""
    return ctypes.CDLL("libgomp.so.1").omp_get_max_threads()


# The C library: dnnl.h ----------------------------------------------------------------------------


class _Library:
    """oneDNN, and what its objects hang on. Objects live as long as the process."""

    def load(self, path: str) -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads leave XLA the cores
        self.c = ctypes.CDLL(path)
        self.c.dnnl_primitive_desc_query_md.restype = c_void_p
        self.c.dnnl_memory_desc_get_size.restype = c_size_t
        self.c.dnnl_memory_set_data_handle.argtypes = [c_void_p, c_void_p]
        self.engine = self.new("engine_create", CPU, c_size_t(0))
        self.stream = self.new("stream_create", self.engine, IN_ORDER)
        self.attributes = self.new("primitive_attr_create")
        self.call("primitive_attr_set_scratchpad_mode", self.attributes, USER)

    def call(self, function: str, *args: object) -> None:
        if status := getattr(self.c, f"dnnl_{function}")(*args):
            raise RuntimeError(f"oneDNN's {function} returned status {status}")

    def new(self, function: str, *args: object) -> c_void_p:
        """The object that a function makes."""
        handle = c_void_p()
        self.call(function, byref(handle), *args)
        return handle

    def layout(self, dtype: int, shape: Shape, axes: Shape, fixed: bool = True) -> c_void_p:
        """Layout of an array whose axes are these in oneDNN's order; oneDNN chooses an open one."""
        dims = _dims(shape[i] for i in axes)
        if not fixed:
            return self.new("memory_desc_create_with_tag", len(shape), dims, dtype, ANY)
        strides = _dims(math.prod(shape[i + 1 :]) for i in axes)
        return self.new("memory_desc_create_with_strides", len(shape), dims, dtype, strides)

    def convolution(self, direction: str, *args: object) -> c_void_p:
        """Description of a convolution in one direction."""
        function = f"convolution_{direction}_primitive_desc_create"
        return self.new(function, self.engine, *args, self.attributes)

    def query(self, description: c_void_p, layout: int) -> c_void_p:
        """A layout of a description."""
        return c_void_p(self.c.dnnl_primitive_desc_query_md(description, layout, 0))

    def memory(self, layout: c_void_p) -> c_void_p:
        """Memory whose address is given later."""
        return self.new("memory_create", layout, self.engine, None)


_library = _Library()


def _dims(numbers: Iterable[int]) -> ctypes.Array:
    return (c_int64 * 12)(*numbers)


class _Argument(Structure):
    _fields_ = [("operand", c_int), ("memory", c_void_p)]


class _Room:
    """Memory for the time of one call: the next one may use it too, in any thread."""

    def __init__(self) -> None:
        self.bytes = np.empty(0, np.uint8)

    def reserve(self, size: int) -> int:
        """An address with so many bytes behind it."""
        if len(self.bytes) < size + ALIGNMENT:
            self.bytes = np.empty(size + ALIGNMENT, np.uint8)
        return -(-self.bytes.ctypes.data // ALIGNMENT) * ALIGNMENT


class _Convolution:
    """A call of `convolve`: a function of the addresses of its arguments and its result."""

    def __init__(self, text: bytes) -> None:
        function, name, shapes, strides, padding, transposed = json.loads(text)
        n, new = len(shapes[0]), _library.convolution
        maps = 0, n - 1, *range(1, n - 1)
        kernel = *((n - 2, n - 1) if transposed else (n - 1, n - 2)), *range(n - 2)
        layout = partial(_library.layout, DTYPES[name])
        x, y, given = map(layout, shapes, (maps, maps, kernel))
        free = layout(shapes[2], kernel, fixed=False)
        geometry = [_dims(numbers) for numbers in (strides, [0] * n, *zip(*padding, strict=True))]
        made = new("forward", TRAINING, DIRECT, x, free, None, y, *geometry)
        layouts, operand = {SRC: x, WEIGHTS: given, DST: y}, WEIGHTS
        if function == "up":
            made = new("backward_data", DIRECT, x, free, y, *geometry, made)
            layouts = {DIFF_DST: y, WEIGHTS: given, DIFF_SRC: x}
        elif function == "weigh":
            made = new("backward_weights", DIRECT, x, free, None, y, *geometry, made)
            layouts, operand = {SRC: x, DIFF_DST: y, DIFF_WEIGHTS: given}, DIFF_WEIGHTS
        self.memories = {number: _library.memory(layout) for number, layout in layouts.items()}
        self.inner: list[tuple[c_void_p, int]] = []  # memories in the room, and their places
        self.size = 0
        chosen = _library.query(made, LAYOUT_OF[operand])
        inside = self.place(chosen)
        copy = [(given, self.memories[operand]), (chosen, inside)]  # to the layout that it chose
        convolve = self.step(made, self.memories | {operand: inside})
        if function == "weigh":
            self.steps = convolve, self.copy(*copy[::-1])
        else:
            self.steps = self.copy(*copy), convolve

    def place(self, layout: c_void_p) -> c_void_p:
        """Memory in the room."""
        memory, size = _library.memory(layout), _library.c.dnnl_memory_desc_get_size(layout)
        self.inner.append((memory, self.size))
        self.size += -(-size // ALIGNMENT) * ALIGNMENT
        return memory

    def step(self, description: c_void_p, memories: dict[int, c_void_p]) -> tuple:
        """What `primitive_execute` takes."""
        memories = memories | {SCRATCHPAD: self.place(_library.query(description, SCRATCHPAD_OF))}
        arguments = (_Argument * len(memories))(*memories.items())
        primitive = _library.new("primitive_create", description)
        return primitive, _library.stream, len(memories), arguments

    def copy(self, source: tuple[c_void_p, c_void_p], target: tuple[c_void_p, c_void_p]) -> tuple:
        """The step from a layout and memory to another."""
        ends = source[0], _library.engine, target[0], _library.engine
        made = _library.new("reorder_primitive_desc_create", *ends, _library.attributes)
        return self.step(made, {SRC: source[1], DST: target[1]})

    def __call__(self, room: _Room, *addresses: int) -> None:
        start = room.reserve(self.size)
        places = (
            *zip(self.memories.values(), addresses, strict=True),
            *((memory, start + place) for memory, place in self.inner),
        )
        for memory, address in places:
            _library.call("memory_set_data_handle", memory, address)
        for step in self.steps:
            _library.call("primitive_execute", *step)


_made: dict[bytes, _Convolution] = {}
_room = _Room()
_lock = threading.Lock()  # one at a time: each takes all cores, and the room


def _run(text: bytes, *addresses: int) -> None:
    with _lock:
        if text not in _made:
            _made[text] = _Convolution(text)
        _made[text](_room, *addresses)
