"""CUDA's driver library by ctypes: which GPU there is, memory on it, and time by its own clock. Standard library alone.

As a program it prints the GPU as JSON: `{"name", "compute_capability", "cuda", "driver"}`, or `{"missing": why}`.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path

LIBRARY = "libcuda.so.1"
"""Comes with the driver, on Jetson boards with the system."""
DRIVER = Path("/proc/driver/nvidia/version")
MAJOR, MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""


class CudaError(RuntimeError):
    """The driver said no, or is not there."""


class Cuda:
    """One GPU, with its primary context (the one TensorRT uses) current in this thread."""

    def __init__(self, visible: str | None = None) -> None:
        """Args: visible: for CUDA_VISIBLE_DEVICES; every GPU where it is None.

        Raises:
            CudaError: no driver, or no GPU.
        """
        # A step's environment hides GPUs from libraries that take one unasked; here somebody asked.
        if visible is None:
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise CudaError(f"no driver of NVIDIA's here: {error}") from error
        self.call("cuInit", ctypes.c_uint(0))
        count = ctypes.c_int()
        self.call("cuDeviceGetCount", ctypes.byref(count))
        if not count.value:
            raise CudaError("the driver knows of no GPU.")
        self._device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(self._device), ctypes.c_int(0))

    def call(self, name: str, *arguments: object) -> None:
        """Raises: CudaError: the function's own words."""
        function = getattr(self._library, name)
        function.restype = ctypes.c_int
        status = function(*arguments)
        if status:
            words = ctypes.c_char_p()
            self._library.cuGetErrorString(ctypes.c_int(status), ctypes.byref(words))
            raise CudaError(f"{name}: {(words.value or b'unknown error').decode()} ({status})")

    def facts(self) -> dict[str, str]:
        """Name, compute capability, the CUDA version of the driver, and the driver's own."""
        name = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", name, ctypes.c_int(len(name)), self._device)
        cuda = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(cuda))
        return {
            "name": name.value.decode(errors="replace"),
            "compute_capability": f"{self._attribute(MAJOR)}.{self._attribute(MINOR)}",
            "cuda": f"{cuda.value // 1000}.{cuda.value % 1000 // 10}",
            "driver": driver_version(),
        }

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(number), self._device)
        return value.value

    def activate(self) -> None:
        """Make the GPU's primary context current."""
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device)
        self.call("cuCtxSetCurrent", context)

    def stream(self) -> int:
        """Handle of a new stream that does not wait for the default one."""
        handle = ctypes.c_void_p()
        self.call("cuStreamCreate", ctypes.byref(handle), ctypes.c_uint(1))
        return handle.value or 0

    def synchronize(self, stream: int) -> None:
        """Wait until a stream is done."""
        self.call("cuStreamSynchronize", ctypes.c_void_p(stream))

    def allocate(self, size: int) -> int:
        """Address of so many bytes on the GPU; one at least, as it gives none of length 0."""
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(1, size)))
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self.call("cuMemFree_v2", ctypes.c_uint64(address))

    def to_gpu(self, address: int, source: int, size: int, stream: int) -> None:
        """Copy from the host; both ends stay until the stream is done."""
        ends = ctypes.c_uint64(address), ctypes.c_void_p(source)
        self.call("cuMemcpyHtoDAsync_v2", *ends, ctypes.c_size_t(size), ctypes.c_void_p(stream))

    def to_host(self, target: int, address: int, size: int, stream: int) -> None:
        """Copy to the host."""
        ends = ctypes.c_void_p(target), ctypes.c_uint64(address)
        self.call("cuMemcpyDtoHAsync_v2", *ends, ctypes.c_size_t(size), ctypes.c_void_p(stream))

    def event(self) -> int:
        """A new mark for the GPU's clock."""
        handle = ctypes.c_void_p()
        self.call("cuEventCreate", ctypes.byref(handle), ctypes.c_uint(0))
        return handle.value or 0

    def record(self, event: int, stream: int) -> None:
        """Set the mark behind what the stream has to do."""
        self.call("cuEventRecord", ctypes.c_void_p(event), ctypes.c_void_p(stream))

    def elapsed_ms(self, start: int, end: int) -> float:
        """Milliseconds between two marks, both passed."""
        value = ctypes.c_float()
        self.call("cuEventElapsedTime", ctypes.byref(value), ctypes.c_void_p(start), ctypes.c_void_p(end))
        return value.value


def driver_version() -> str:
    """`550.54.14`; "" where the kernel does not say, as on Jetson boards."""
    try:
        words = DRIVER.read_text(encoding="utf-8", errors="replace").partition("\n")[0].split()
    except OSError:
        return ""
    return next((word for word in words if word[:1].isdigit() and "." in word), "")


def gpu(visible: str | None = None) -> dict[str, str]:
    """The GPU of this machine, or `{"missing": why}`."""
    try:
        return Cuda(visible).facts()
    except (CudaError, AttributeError) as error:
        return {"missing": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(gpu(os.environ.get("CUDA_VISIBLE_DEVICES"))) + "\n")
