"""Execution providers of ONNX Runtime and their options.

Source of the names: onnxruntime.ai/docs/execution-providers, one page for each; values as in ONNX Runtime 1.24.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from edgebuild.runtimes.providers import PERFORMANCE, Chosen, Options

CPU = "CPUExecutionProvider"


class Cpu(Options):
    """The processor, by ONNX Runtime's own kernels."""

    native: ClassVar[str] = CPU


class Xnnpack(Options):
    """The processor, by XNNPACK's kernels."""

    native: ClassVar[str] = "XnnpackExecutionProvider"
    intra_op_num_threads: int | None = Field(default=None, ge=1, le=256)
    """Threads of XNNPACK's own pool; the target's `threads` are best 1 beside it."""


class Cuda(Options):
    """NVIDIA GPUs by CUDA and cuDNN."""

    native: ClassVar[str] = "CUDAExecutionProvider"
    device_id: int | None = Field(default=None, ge=0)
    """Which GPU."""
    gpu_mem_limit: int | None = Field(default=None, ge=1)
    """Bytes of its arena."""
    arena_extend_strategy: Literal["kNextPowerOfTwo", "kSameAsRequested"] | None = None
    """How the arena grows."""
    cudnn_conv_algo_search: Literal["EXHAUSTIVE", "HEURISTIC", "DEFAULT"] | None = None
    """How cuDNN looks for an algorithm of each convolution."""
    cudnn_conv_use_max_workspace: bool | None = None
    """Whether that search may use all memory it wants."""
    do_copy_in_default_stream: bool | None = None
    """Whether copies run in the default stream."""
    enable_cuda_graph: bool | None = None
    """Whether runs are captured and replayed; shapes must be fixed."""
    use_tf32: bool | None = None
    """Whether float32 products may be computed in TF32, with 10 bits of mantissa."""
    prefer_nhwc: bool | None = None
    """Whether convolutions run channels-last."""


class TensorRt(Options):
    """NVIDIA GPUs by TensorRT; what it does not take runs on `cuda` where that stands after it."""

    native: ClassVar[str] = "TensorrtExecutionProvider"
    device_id: int | None = Field(default=None, ge=0)
    """Which GPU."""
    trt_max_workspace_size: int | None = Field(default=None, ge=1)
    """Bytes."""
    trt_min_subgraph_size: int | None = Field(default=None, ge=1)
    """Smaller parts of the graph are left to others."""
    trt_fp16_enable: bool | None = None
    """Whether layers may compute in float16."""
    trt_int8_enable: bool | None = None
    """Whether layers may compute in int8."""
    trt_dla_enable: bool | None = None
    """Whether the DLA of a Jetson is used."""
    trt_dla_core: int | None = Field(default=None, ge=0)
    """Which one."""
    trt_engine_cache_enable: bool | None = None
    """Whether engines are kept for the next load; building one takes from seconds to minutes."""
    trt_engine_cache_path: str | None = None
    """Folder of the engines, on the device."""
    trt_timing_cache_enable: bool | None = None
    """Whether the timings of kernels are kept."""
    trt_builder_optimization_level: int | None = Field(default=None, ge=0, le=5)
    """How long the builder searches."""


class Qnn(Options):
    """Qualcomm processors by AI Engine Direct; `htp` is the NPU."""

    native: ClassVar[str] = "QNNExecutionProvider"
    backend_path: str | None = None
    """Library of the backend on the device: `libQnnHtp.so`, `QnnHtp.dll`."""
    backend_type: Literal["cpu", "gpu", "htp"] | None = None
    """The same by its kind, instead of the path."""
    profiling_level: Literal["off", "basic", "detailed"] | None = None
    """What QNN tells of each run."""
    rpc_control_latency: int | None = Field(default=None, ge=0)
    """Microseconds."""
    vtcm_mb: int | None = Field(default=None, ge=1)
    """MB of the NPU's own memory."""
    htp_performance_mode: PERFORMANCE | None = None
    """Clocks and voltage of the NPU."""
    htp_graph_finalization_optimization_mode: int | None = Field(default=None, ge=0, le=3)
    """How long it prepares the graph: 3 the longest."""
    qnn_context_priority: Literal["low", "normal", "normal_high", "high"] | None = None
    """Beside other users of the NPU."""
    enable_htp_fp16_precision: bool | None = None
    """Whether float32 models compute in float16."""
    offload_graph_io_quantization: bool | None = None
    """Whether quantizing at the model's ends is left to another provider."""


class Nnapi(Options):
    """Android's NNAPI; deprecated by Android 15."""

    native: ClassVar[str] = "NnapiExecutionProvider"
    use_fp16: bool | None = None
    """Whether float32 may be computed in float16."""
    use_nchw: bool | None = None
    """Whether tensors stay channels-first."""
    cpu_disabled: bool | None = None
    """Whether NNAPI's own, slow processor kernels are forbidden."""
    cpu_only: bool | None = None
    """Whether they alone are used, to compare with."""

    def texts(self) -> dict[str, str]:
        """The flags as one number, as `OrtSessionOptionsAppendExecutionProvider_Nnapi` takes them."""
        flags = {"use_fp16": 1, "use_nchw": 2, "cpu_disabled": 4, "cpu_only": 8}
        number = sum(bit for name, bit in flags.items() if getattr(self, name))
        return {"nnapi_flags": f"{number}"} if number else {}


class CoreMl(Options):
    """Apple devices by Core ML."""

    native: ClassVar[str] = "CoreMLExecutionProvider"
    ModelFormat: Literal["MLProgram", "NeuralNetwork"] | None = None
    """Form that the graph is turned into: `MLProgram` from iOS 15 on."""
    MLComputeUnits: Literal["ALL", "CPUOnly", "CPUAndGPU", "CPUAndNeuralEngine"] | None = None
    """What Core ML may use."""
    RequireStaticInputShapes: bool | None = None
    """Whether parts with dynamic shapes are left to the processor."""
    EnableOnSubgraphs: bool | None = None
    """Whether bodies of loops and branches are taken too."""
    SpecializationStrategy: Literal["Default", "FastPrediction"] | None = None
    """Whether loading may take longer for faster runs; from iOS 18 on."""
    AllowLowPrecisionAccumulationOnGPU: bool | None = None
    """Whether a GPU may add in float16."""
    ModelCacheDirectory: str | None = None
    """Folder of compiled models, on the device."""


class OpenVino(Options):
    """Intel processors, GPUs and NPUs by OpenVINO."""

    native: ClassVar[str] = "OpenVINOExecutionProvider"
    truth: ClassVar[tuple[str, str]] = ("False", "True")
    device_type: str | None = Field(default=None, pattern=r"^(CPU|NPU|GPU(\.\d+)?|(AUTO|HETERO|MULTI)(:.+)?)$")
    """`CPU`, `GPU`, `GPU.0`, `NPU`, or several: `HETERO:NPU,CPU`."""
    precision: Literal["FP32", "FP16", "ACCURACY"] | None = None
    """What it computes in; `ACCURACY` is the model's own."""
    num_of_threads: int | None = Field(default=None, ge=1, le=256)
    """Threads on the processor."""
    num_streams: int | None = Field(default=None, ge=1)
    """Runs at once."""
    cache_dir: str | None = None
    """Folder of compiled models, on the device."""
    load_config: str | None = None
    """OpenVINO properties as JSON by device: `{"NPU": {"PERFORMANCE_HINT": "LATENCY"}}`."""
    enable_qdq_optimizer: bool | None = None
    """Whether quantized graphs are rewritten for the NPU."""
    disable_dynamic_shapes: bool | None = None
    """Whether dynamic shapes are made static."""


class Provider(Chosen):
    """One execution provider of ONNX Runtime."""

    cpu: Cpu | None = None
    """The processor, by ONNX Runtime's own kernels."""
    xnnpack: Xnnpack | None = None
    """The processor, by XNNPACK."""
    cuda: Cuda | None = None
    """NVIDIA GPUs."""
    tensorrt: TensorRt | None = None
    """NVIDIA GPUs by TensorRT."""
    qnn: Qnn | None = None
    """Qualcomm NPUs and GPUs."""
    nnapi: Nnapi | None = None
    """Android's NNAPI."""
    coreml: CoreMl | None = None
    """Apple's Core ML."""
    openvino: OpenVino | None = None
    """Intel processors, GPUs and NPUs."""


def rendered(chosen: tuple[Provider, ...]) -> list[str | list[str | dict[str, str]]]:
    """As plain data: a name, or a name with its options."""
    found: list[str | list[str | dict[str, str]]] = []
    for item in chosen:
        texts = item.options.texts()
        found.append([item.options.native, texts] if texts else item.options.native)
    return found
