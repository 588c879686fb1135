"""Delegates of LiteRT and their options.

Sources of the names: ai.google.dev/edge/litert, the options of each delegate's own header
(`tensorflow/lite/delegates/{gpu,hexagon,coreml}`), coral.ai/docs, and `ai_edge_litert.qualcomm_options` of LiteRT 2.3.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from edgebuild.runtimes.providers import PERFORMANCE, Chosen, Options


class Delegate(Options):
    """One that is loaded from a library on the device; what runs on the processor alone has none."""

    library: str | None = None
    """Shared library of the delegate, on the device."""

    usual: ClassVar[str] = ""
    """Name of the library where none is given; "" where there is none for Python."""

    def texts(self) -> dict[str, str]:
        """Options of the delegate itself."""
        return {name: text for name, text in super().texts().items() if name != "library"}

    @property
    def file(self) -> str:
        """The library to load, "" where there is none."""
        return self.library or self.usual


class Processor(Delegate):
    """The processor; by XNNPACK too where `xnnpack: true`."""

    native: ClassVar[str] = "builtin"


class XnnpackDelegate(Delegate):
    """The processor, by XNNPACK; `fallback: refuse` forbids the built-in kernels."""

    native: ClassVar[str] = "XNNPACK"


class GpuDelegate(Delegate):
    """GPUs by OpenCL, OpenGL or Metal."""

    native: ClassVar[str] = "GPU delegate"
    usual: ClassVar[str] = "libtensorflowlite_gpu_delegate.so"
    is_precision_loss_allowed: bool | None = None
    """Whether float32 may be computed in float16."""
    inference_preference: Literal["fast_single_answer", "sustained_speed", "balanced"] | None = None
    """What it is tuned for."""
    max_delegated_partitions: int | None = Field(default=None, ge=1)
    """Parts of the graph that it takes at most."""
    serialization_dir: str | None = None
    """Folder of compiled kernels, on the device."""


class NpuDelegate(Delegate):
    """A phone's NPU by its maker's library."""

    native: ClassVar[str] = "NPU delegate"
    vendor: Literal["qualcomm", "mediatek", "google_tensor", "samsung", "intel_openvino"] = "qualcomm"
    """Whose; LiteRT has a compiler and a dispatcher for each."""
    backend_type: Literal["htp", "gpu", "dsp"] | None = None
    """Part of a Qualcomm processor."""
    htp_performance_mode: PERFORMANCE | None = None
    """Clocks and voltage of a Qualcomm NPU."""
    graph_priority: Literal["default", "low", "normal", "normal_high", "high"] | None = None
    """Beside other users of a Qualcomm NPU."""
    library_path: str | None = None
    """The vendor's own library, on the device."""

    @property
    def file(self) -> str:
        """QNN has a delegate for TFLite's own interface; the others are reached through LiteRT's dispatcher alone."""
        return self.library or ("libQnnTFLiteDelegate.so" if self.vendor == "qualcomm" else "")


class EdgeTpuDelegate(Delegate):
    """Coral Edge TPU; the model must be compiled for it first, by a `command` candidate with `edgetpu_compiler`."""

    native: ClassVar[str] = "Edge TPU delegate"
    usual: ClassVar[str] = "libedgetpu.so.1"
    device: str | None = None
    """`usb`, `pci`, `:0`, …"""


class HexagonDelegate(Delegate):
    """Hexagon DSPs of older Qualcomm processors."""

    native: ClassVar[str] = "Hexagon delegate"
    usual: ClassVar[str] = "libhexagon_delegate.so"
    debug_level: int | None = Field(default=None, ge=0)
    """How much it logs."""
    powersave_level: int | None = Field(default=None, ge=0)
    """0 is full speed."""


class CoreMlDelegate(Delegate):
    """Apple's Neural Engine; loaded by Swift and C alone."""

    native: ClassVar[str] = "Core ML delegate"
    enabled_devices: Literal["DevicesWithNeuralEngine", "AllDevices"] | None = None
    """Where it may take operators."""
    coreml_version: Literal[2, 3] | None = None
    """Of the Core ML model."""
    max_delegated_partitions: int | None = Field(default=None, ge=1)
    """Parts of the graph that it takes at most."""
    min_nodes_per_partition: int | None = Field(default=None, ge=1)
    """Smaller parts are left to others."""


class LiteRTProvider(Chosen):
    """One way in which LiteRT executes operators."""

    cpu: Processor | None = None
    """The processor; by XNNPACK where `xnnpack: true`."""
    xnnpack: XnnpackDelegate | None = None
    """The processor, by XNNPACK."""
    gpu: GpuDelegate | None = None
    """The GPU delegate."""
    npu: NpuDelegate | None = None
    """A phone's NPU."""
    edgetpu: EdgeTpuDelegate | None = None
    """Coral Edge TPU."""
    hexagon: HexagonDelegate | None = None
    """Hexagon DSPs."""
    coreml: CoreMlDelegate | None = None
    """Apple's Neural Engine."""

    @property
    def delegate(self) -> Delegate:
        """What is set of it."""
        found: Delegate = getattr(self, self.word)
        return found

    def rendered(self) -> dict[str, Any]:
        """As plain data."""
        return {"provider": self.word, "library": self.delegate.file, "options": self.delegate.texts()}


def delegates(chosen: tuple[LiteRTProvider, ...]) -> list[LiteRTProvider]:
    """Those that are more than the processor."""
    return [item for item in chosen if item.word not in ("cpu", "xnnpack")]
