"""Loops over bytes and numbers, compiled by numba at their first call and kept on disk.

A kept kernel is loaded with llvmlite alone, which takes milliseconds; importing numba with all it needs to call a function takes
about a second and 150 MB. Where no directory can be written, kernels are compiled anew in each process.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import mmap
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, cast

import llvmlite  # type: ignore[import-untyped]
import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np

from tokenizer.output import replacing

Scalar: TypeAlias = Any  # a number in a kernel: an int from outside, one of numba's widths inside

P = ParamSpec("P")
R = TypeVar("R")

_FORMAT = "1"
_RETURNS: dict[str, Any] = {"none": ctypes.c_void_p, "int64": ctypes.c_int64, "uint64": ctypes.c_uint64, "bool": ctypes.c_int8}
_ARRAY_HEAD = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)  # owner, parent, items, item size, data


class Kernel(Generic[P, R]):
    """A compiled function of whole numbers, C-contiguous arrays and named tuples of these, which returns whole numbers or nothing.

    It releases the GIL. It may call kernels of the same file, but none of another: that file is no part of what a kept kernel is known by.
    NB: nothing is checked inside: an index outside its array is undefined behaviour, as in C.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self.__doc__ = function.__doc__
        self._function = function
        self._name = f"{function.__module__}.{function.__name__}"
        self._loaded: dict[str, tuple[Any, ...]] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs:
            raise TypeError(f"kernel {self._name} takes its arguments by position")
        signature = ",".join(map(_kind, args))
        entry = self._loaded.get(signature)
        if entry is None:
            with self._lock:
                entry = self._loaded[signature] = self._loaded.get(signature) or self._load(signature, args)
        _, returns, call = entry
        result = (_RETURNS[returns[0]] * len(returns))()
        error = ctypes.c_void_p()
        if call(ctypes.byref(result), ctypes.byref(error), *(value for arg in args for value in _flat(arg))):
            raise RuntimeError(f"kernel {self._name} failed")
        if returns == ["none"]:
            return cast(R, None)
        values = [bool(value) for value in result] if returns[0] == "bool" else list(result)
        return cast(R, values[0] if len(values) == 1 else tuple(values))

    @property
    def _numba_type_(self) -> Any:
        """How numba sees a kernel that is called by another."""
        return self._dispatcher._numba_type_

    @cached_property
    def _dispatcher(self) -> Any:
        import numba

        # Without wrappers for Python and without reference counts the object code needs nothing of numba's.
        return numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, _nrt=False)(self._function)

    def _load(self, signature: str, args: tuple[object, ...]) -> tuple[Any, ...]:
        """The engine (which owns the code), what is returned, and the function."""
        names = list(self._places(signature))
        for name in names:
            code = _read(name)
            if code is not None:
                break
        else:
            code = self._compile(args)
            _write(names, code)
        symbol, returns, object_code = code
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(object_code))
        engine.finalize_object()
        types = [kind for arg in args for kind in _flat_types(arg)]
        call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *types)(engine.get_function_address(symbol))
        _give_back_llvm()
        return engine, returns, call

    def _places(self, signature: str) -> Iterator[Path]:
        """Where the kernel may be kept, known by its source, signature, processor and compiler."""
        source = Path(self._function.__code__.co_filename)
        try:
            text = source.read_bytes()
        except OSError:
            return
        processor = (llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
        known_by = (_FORMAT, llvmlite.__version__, *processor)
        digest = hashlib.sha256("\n".join((*known_by, signature)).encode() + text).hexdigest()[:24]
        chosen = os.environ.get("NUMBA_CACHE_DIR")
        user = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "webtext"
        for directory in [Path(chosen)] if chosen else [source.parent / "__pycache__", user]:
            yield directory / f"{self._name}-{digest}.kernel"

    def _compile(self, args: tuple[object, ...]) -> tuple[str, list[str], bytes]:
        """Symbol, returned types and object code."""
        dispatcher = self._dispatcher
        types = tuple(map(_numba_type, args))
        dispatcher.compile(types)
        compiled = dispatcher.overloads[types]
        returned = compiled.fndesc.restype
        kinds = [str(kind) for kind in getattr(returned, "types", [returned])]
        if any(kind not in _RETURNS for kind in kinds) or len(set(kinds)) != 1:
            raise TypeError(f"kernel {self._name} returns {returned}, not whole numbers of one type")
        return compiled.fndesc.llvm_func_name, kinds, compiled.library._get_compiled_object()


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Compile ``function`` at its first call with arguments of each type."""
    return Kernel(function)


@cache
def _target_machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(jit=True)


def _give_back_llvm() -> None:
    """Give back the memory of LLVM's own code, more than half of a small process: it is not used until another kernel is loaded.

    NB: only pages that run and were never written, which the system reads from the library again when they are touched (madvise(2)).
    """
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return  # not on Linux
    for line in maps.splitlines():
        addresses, access = line.split(maxsplit=2)[:2]
        if access == "r-xp" and "libllvmlite" in line:
            start, end = (int(address, 16) for address in addresses.split("-"))
            ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def _kind(arg: object) -> str:
    if isinstance(arg, np.ndarray):
        return f"{arg.dtype.str}{arg.ndim}"
    if isinstance(arg, tuple):
        return f"{type(arg).__name__}({','.join(map(_kind, arg))})"
    return "i"


def _flat(arg: Any) -> Iterator[object]:
    """``arg`` as numba passes it: arrays and tuples by their fields."""
    if isinstance(arg, np.ndarray):
        if not arg.flags.c_contiguous:
            raise TypeError("an array for a kernel is contiguous")
        yield from (None, None, arg.size, arg.itemsize, arg.__array_interface__["data"][0], *arg.shape, *arg.strides)
    elif isinstance(arg, tuple):
        for field in arg:
            yield from _flat(field)
    else:
        yield int(arg)


def _flat_types(arg: object) -> Iterator[Any]:
    if isinstance(arg, np.ndarray):
        yield from (*_ARRAY_HEAD, *[ctypes.c_int64] * (2 * arg.ndim))
    elif isinstance(arg, tuple):
        for field in arg:
            yield from _flat_types(field)
    else:
        yield ctypes.c_int64


def _numba_type(arg: object) -> Any:
    from numba import from_dtype, types

    if isinstance(arg, np.ndarray):
        return types.Array(from_dtype(arg.dtype), arg.ndim, "C")
    if isinstance(arg, tuple):
        fields = [_numba_type(field) for field in arg]
        if len(set(fields)) == 1:
            return types.NamedUniTuple(fields[0], len(fields), type(arg))
        return types.NamedTuple(fields, type(arg))
    return types.int64


def _read(path: Path) -> tuple[str, list[str], bytes] | None:
    """A kept kernel, unless it is absent or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, rest = data[:32], data[32:]
    if hashlib.sha256(rest).digest() != digest:
        return None
    head, code = rest.split(b"\n", 1)
    symbol, returns = json.loads(head)
    return symbol, returns, code


def _write(paths: list[Path], code: tuple[str, list[str], bytes]) -> None:
    """Keep a kernel in the first place that can be written."""
    symbol, returns, object_code = code
    rest = json.dumps([symbol, returns]).encode() + b"\n" + object_code
    reasons = []
    for path in paths:
        try:
            with replacing(path) as file:
                file.write(hashlib.sha256(rest).digest() + rest)
        except OSError as error:
            reasons.append(str(error))
        else:
            return
    message = f"compiled code cannot be kept, so each run compiles anew: {'; '.join(reasons) or 'there is no source file'}"
    warnings.warn(message, RuntimeWarning, stacklevel=2)
