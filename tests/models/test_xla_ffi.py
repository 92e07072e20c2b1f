"""Structs as in jaxlib's own header, and handlers that XLA calls."""

import ctypes
import re
import subprocess
import sys
from ctypes import c_float, c_int, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.models import xla_ffi

HEADER = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
FAULT = xla_ffi.find_fault()
known_version = pytest.mark.skipif(bool(FAULT), reason=FAULT)


# The header ---------------------------------------------------------------------------------------

HEAD = "struct_size extension_start"
STRUCTS = {  # in the header: ours, and what its fields are called in the header
    "Extension_Base": (xla_ffi._Extension, "struct_size type next"),
    "Api_Version": (xla_ffi._Version, f"{HEAD} major_version minor_version"),
    "Metadata": (xla_ffi._Metadata, "struct_size api_version traits"),
    "Metadata_Extension": (xla_ffi._MetadataExtension, "extension_base metadata"),
    "ByteSpan": (xla_ffi._Text, "ptr len"),
    "Buffer": (xla_ffi._Array, f"{HEAD} dtype data"),
    "Args": (xla_ffi._Arrays, f"{HEAD} size types args"),
    "Rets": (xla_ffi._Arrays, f"{HEAD} size types rets"),
    "Attrs": (xla_ffi._Attributes, f"{HEAD} size types names attrs"),
    "Api": (xla_ffi._Api, f"{HEAD} api_version internal_api XLA_FFI_Error_Create"),
    "CallFrame": (xla_ffi._Frame, f"{HEAD} api ctx stage args rets attrs"),
    "Error_Create_Args": (xla_ffi._Error, f"{HEAD} message errc"),
}
TYPES = dict(int=c_int, int32_t=c_int32, uint32_t=c_uint32, int64_t=c_int64, size_t=c_size_t)


def parse(header):
    """The structs of a C header as those of ctypes, by name; without pointers to functions."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"_XLA_FFI_API_STRUCT_FIELD\((\w+)\)", r"void* \1", text)
    known = TYPES | dict.fromkeys(re.findall(r"typedef enum {[^}]*} (\w+);", text), c_int)
    for type_, alias in re.findall(r"typedef (\w+) (\w+);", text):
        known[alias] = known[type_]
    structs = {}
    for name, body in re.findall(r"struct XLA_FFI_(\w+) {(.*?)\n}", text, flags=re.DOTALL):
        found = re.findall(r"(\w+)\s*(\**)\s*(\w+);", body)
        fields = [(field, c_void_p if stars else known[type_]) for type_, stars, field in found]
        structs[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
        known[f"XLA_FFI_{name}"] = structs[name]
    return structs


@pytest.fixture(scope="module")
def in_header():
    return parse(HEADER.read_text())


@known_version
@pytest.mark.parametrize("name", STRUCTS)
def test_a_struct_lies_in_memory_as_the_header_says(name, in_header):
    ours, fields = STRUCTS[name]
    places = [getattr(ours, field) for field, _ in ours._fields_]
    wanted = [getattr(in_header[name], field) for field in fields.split()]
    assert [(f.offset, f.size) for f in places] == [(f.offset, f.size) for f in wanted]


def test_every_struct_is_compared():
    structs = {
        value
        for value in vars(xla_ffi).values()
        if isinstance(value, type) and issubclass(value, ctypes.Structure)
    }
    assert structs - {ctypes.Structure} == {ours for ours, _ in STRUCTS.values()}


@known_version
def test_numbers_of_enums_are_those_of_the_header():
    text = HEADER.read_text()
    assert f"XLA_FFI_Extension_Metadata = {xla_ffi.METADATA}," in text
    assert f"XLA_FFI_Error_Code_INTERNAL = {xla_ffi.INTERNAL}," in text


# Its version --------------------------------------------------------------------------------------


def test_the_version_is_that_of_jaxlib():
    major, minor = xla_ffi.version()
    assert re.search(rf"^#define XLA_FFI_API_MAJOR {major}$", HEADER.read_text(), re.MULTILINE)
    assert re.search(rf"^#define XLA_FFI_API_MINOR {minor}$", HEADER.read_text(), re.MULTILINE)


def test_an_unknown_version_is_a_fault_that_names_it(monkeypatch):
    monkeypatch.setattr(xla_ffi, "KNOWN", [])
    assert f"version {xla_ffi.version()}" in xla_ffi.find_fault()


@pytest.mark.parametrize(
    ("text", "version"),
    [("#define XLA_FFI_API_MAJOR 1\n#define XLA_FFI_API_MINOR 70\n", (1, 70)), (None, ())],
    ids=["newer", "no header"],
)
def test_another_header_is_a_fault(text, version, tmp_path, monkeypatch):
    monkeypatch.setattr(jax.ffi, "include_dir", lambda: str(tmp_path))
    if text:
        header = tmp_path / HEADER.relative_to(HEADER.parents[3])
        header.parent.mkdir(parents=True)
        header.write_text(text)
    assert xla_ffi.version() == version
    assert f"version {version}" in xla_ffi.find_fault()


# Handlers -----------------------------------------------------------------------------------------

TARGET = "facealign_test_add"


def add(text, *addresses):
    """Writes the sum of all arguments, of 3 numbers each, to the result, if the text is right."""
    if text != "Größe 3".encode():
        raise KeyError(text.decode())
    *arguments, result = ((c_float * 3).from_address(address) for address in addresses)
    result[:] = [sum(numbers) for numbers in zip(*arguments, strict=True)]


@pytest.fixture(scope="module")
def call():
    """The handler as a jitted function of arrays and a text."""
    xla_ffi.register(TARGET, add)
    kind = jax.ShapeDtypeStruct((3,), jnp.float32)

    def call(*arrays, text="Größe 3"):
        function = jax.jit(lambda *args: jax.ffi.ffi_call(TARGET, kind)(*args, text=text))
        return function(*map(jnp.asarray, arrays)).block_until_ready()

    return call


@known_version
@pytest.mark.parametrize("count", [1, 3])
def test_a_handler_gets_the_text_the_arguments_and_the_result(count, call):
    arrays = np.arange(3.0 * count, dtype=np.float32).reshape(count, 3)
    np.testing.assert_array_equal(call(*arrays), arrays.sum(axis=0))


@known_version
def test_what_a_handler_raises_is_raised_by_the_program_and_the_next_call_works(call):
    for text in ("Länge", "", 5000 * "long "):
        with pytest.raises(jax.errors.JaxRuntimeError) as error:
            call(np.ones(3, np.float32), text=text)
        assert repr(text) in str(error.value)
        np.testing.assert_array_equal(call(np.ones(3, np.float32)), 1)


@known_version
def test_the_running_xla_has_the_version_of_the_header(call):
    """And what stands in its call frames is found where it is looked for."""
    seen = []

    def look(pointer):
        version = pointer[0].api[0].version
        seen.append((version.major, version.minor))
        return xla_ffi._handlers[TARGET](pointer)

    handler = xla_ffi._Handler(look)
    address = jax.ffi.pycapsule(ctypes.cast(handler, c_void_p).value)
    jax.ffi.register_ffi_target(f"{TARGET}_seen", address, platform="cpu")
    xla_ffi._handlers[f"{TARGET}_seen"] = handler  # XLA keeps its address
    one = np.ones(3, np.float32)
    kind = jax.ShapeDtypeStruct((3,), jnp.float32)
    made = jax.jit(lambda x: jax.ffi.ffi_call(f"{TARGET}_seen", kind)(x, x, text="Größe 3"))(one)
    np.testing.assert_array_equal(made, 2)
    assert set(seen) == {xla_ffi.version()}


INTERRUPTED = """
import jax, jax.numpy as jnp
from facealign.models import xla_ffi

def run(text, *addresses):
    raise KeyboardInterrupt

xla_ffi.register("interrupted", run)
kind = jax.ShapeDtypeStruct((3,), jnp.float32)
print("began", flush=True)
jax.jit(lambda: jax.ffi.ffi_call("interrupted", kind)(text=""))().block_until_ready()
print("went on")
"""


@known_version
def test_an_interrupt_in_a_handler_ends_the_program_and_does_not_kill_the_process():
    run = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert run.returncode > 0 and run.stdout == "began\n"
