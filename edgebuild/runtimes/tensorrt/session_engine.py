"""A TensorRT engine, built from an ONNX model when it is opened and run on a GPU. TensorRT 10 and 11.

Not run by the tests: no machine of theirs has a GPU. What needs none, parsing and configuring, they run through the
equal interface of TensorRT-RTX.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from edgebuild.runtimes.tensorrt.session_cuda import Cuda

Arrays = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]


class Network:
    """A parsed model. Precision is in the graph: TensorRT 10 is told so, 11 knows no other way."""

    def __init__(self, trt: Any, path: str) -> None:
        """Args: trt: the module. path: of the `.onnx` file.

        Raises:
            RuntimeError: the parser declines the model; each node with its words.
        """
        self.trt = trt
        self.logger = logger(trt)
        self.builder = trt.Builder(self.logger)
        typed = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        self.network = self.builder.create_network(0 if typed is None else 1 << int(typed))
        parser = trt.OnnxParser(self.network, self.logger)
        if not parser.parse_from_file(path):
            errors = [parser.get_error(row) for row in range(parser.num_errors)]
            raise RuntimeError(
                "; ".join(f"{item.node_operator()} `{item.node_name()}`: {item.desc()}" for item in errors)
            )
        network = self.network
        self.inputs = [self.tensor(network.get_input(row)) for row in range(network.num_inputs)]
        self.outputs = [self.tensor(network.get_output(row)) for row in range(network.num_outputs)]

    def tensor(self, item: Any) -> dict[str, Any]:
        """Name, shape (-1 where dynamic) and numpy's type."""
        return {"name": item.name, "shape": list(item.shape), "dtype": np.dtype(self.trt.nptype(item.dtype)).name}

    @property
    def dynamic(self) -> bool:
        """Whether an input has an axis of no fixed size."""
        return any(-1 in item["shape"] for item in self.inputs)

    def config(self, options: dict[str, Any], shapes: Shapes) -> Any:
        """The builder's configuration.

        Args:
            options: `workspace` in bytes, `builder_optimization_level`, `tf32`; TensorRT's own where left out.
            shapes: of every dynamic input; the engine takes these alone.
        """
        trt, config = self.trt, self.builder.create_builder_config()
        config.builder_optimization_level = int(options.get("builder_optimization_level", 3))
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        if not options.get("tf32", True):
            config.clear_flag(trt.BuilderFlag.TF32)
        if options.get("workspace"):
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(options["workspace"]))
        if self.dynamic:
            profile = self.builder.create_optimization_profile()
            for item in self.inputs:
                if -1 in item["shape"]:
                    profile.set_shape(item["name"], *[shapes[item["name"]]] * 3)
            config.add_optimization_profile(profile)
        return config

    def build(self, config: Any) -> Any:
        """The serialized engine.

        Raises:
            RuntimeError: the builder declines; what it logged.
        """
        plan = self.builder.build_serialized_network(self.network, config)
        if plan is None:
            raise RuntimeError("; ".join(self.logger.errors) or "the builder gave no engine and no reason.")
        return plan


def logger(trt: Any) -> Any:
    """A logger that keeps the errors."""

    class Kept(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(" ".join(message.split()))

    return Kept()


class Engine:
    """One engine with its execution context and the memory of its tensors on the GPU."""

    def __init__(self, network: Network, options: dict[str, Any], shapes: Shapes, cuda: Cuda) -> None:
        trt, self.cuda = network.trt, cuda
        plan = network.build(network.config(options, shapes))
        # The runtime must outlive its engine.
        self.runtime = trt.Runtime(network.logger)
        self.engine = self.runtime.deserialize_cuda_engine(plan)
        if self.engine is None:
            raise RuntimeError("; ".join(network.logger.errors) or "the engine does not load.")
        self.trt, self.context = trt, self.engine.create_execution_context()
        self.stream = cuda.stream()
        names = [self.engine.get_tensor_name(row) for row in range(self.engine.num_io_tensors)]
        given = trt.TensorIOMode.INPUT
        self.inputs = [name for name in names if self.engine.get_tensor_mode(name) == given]
        self.outputs = [name for name in names if self.engine.get_tensor_mode(name) != given]
        self.memory: dict[str, tuple[int, int]] = {}
        self.host: Arrays = {}

    def place(self, name: str, size: int) -> int:
        """Memory of a tensor, larger where it must be."""
        address, has = self.memory.get(name, (0, 0))
        if has < size or not address:
            if address:
                self.cuda.free(address)
            address = self.cuda.allocate(size)
            self.memory[name] = (address, size)
        return address

    def feed(self, arrays: Arrays) -> None:
        """Copy the inputs and say where everything lies.

        Raises:
            RuntimeError: an output's shape depends on values.
        """
        for name in self.inputs:
            array = self.host[name] = np.ascontiguousarray(arrays[name])
            self.context.set_input_shape(name, array.shape)
            if self.engine.get_tensor_location(name) == self.trt.TensorLocation.HOST:
                self.context.set_tensor_address(name, array.ctypes.data)
                continue
            address = self.place(name, array.nbytes)
            self.cuda.to_gpu(address, array.ctypes.data, array.nbytes, self.stream)
            self.context.set_tensor_address(name, address)
        for name in self.outputs:
            shape = tuple(self.context.get_tensor_shape(name))
            if -1 in shape:
                raise RuntimeError(f"the shape of output `{name}` depends on values; this session needs a fixed one.")
            self.host[name] = np.empty(shape, self.trt.nptype(self.engine.get_tensor_dtype(name)))
            self.context.set_tensor_address(name, self.place(name, self.host[name].nbytes))

    def enqueue(self) -> None:
        """Raises: RuntimeError: TensorRT does not run it."""
        if not self.context.execute_async_v3(self.stream):
            raise RuntimeError("TensorRT did not run the engine.")

    def fetch(self) -> Arrays:
        """The outputs, once the GPU is done."""
        for name in self.outputs:
            array = self.host[name]
            self.cuda.to_host(array.ctypes.data, self.memory[name][0], array.nbytes, self.stream)
        self.cuda.synchronize(self.stream)
        return {name: self.host[name] for name in self.outputs}


class EngineSession:
    """A loaded model. A model with dynamic axes gets an engine for each combination of shapes it is fed with."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        """Raises: CudaError: no GPU. ImportError: no TensorRT. RuntimeError: TensorRT declines the model."""
        # CUDA reads its variables once: before TensorRT touches it.
        self.cuda = Cuda(options.get("gpu", {}).get("visible"))
        self.cuda.activate()
        import tensorrt

        self.options, self.network = options, Network(tensorrt, path)
        self.inputs, self.outputs = self.network.inputs, self.network.outputs
        self._engines: dict[tuple[tuple[int, ...], ...], Engine] = {}
        if not self.network.dynamic:
            self.engine({item["name"]: tuple(item["shape"]) for item in self.inputs})

    def engine(self, shapes: Shapes) -> Engine:
        """The engine for these shapes, built where it is not there yet."""
        key = tuple(shapes[item["name"]] for item in self.inputs)
        if key not in self._engines:
            self._engines[key] = Engine(self.network, self.options, shapes, self.cuda)
        return self._engines[key]

    def fed(self, feed: Arrays) -> Engine:
        """The engine for a feed, with its inputs in place."""
        engine = self.engine({name: tuple(array.shape) for name, array in feed.items()})
        engine.feed(feed)
        return engine

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name, copies to and from the GPU included."""
        engine = self.fed(feed)
        engine.enqueue()
        return engine.fetch()

    def gpu_ms(self, feed: Arrays, runs: int) -> list[float]:
        """Time of each run by CUDA events, without copies; the first, which sets things up, is left out."""
        engine, cuda, found = self.fed(feed), self.cuda, []
        start, end = cuda.event(), cuda.event()
        for _ in range(runs + 1):
            cuda.record(start, engine.stream)
            engine.enqueue()
            cuda.record(end, engine.stream)
            cuda.synchronize(engine.stream)
            found.append(cuda.elapsed_ms(start, end))
        return found[1:]

    def trace(self, feed: Arrays, runs: int) -> dict[str, Any]:
        """Layers of the engine with their mean time (us) by TensorRT's profiler, and the median of whole runs."""
        whole = median(self.gpu_ms(feed, runs))
        engine = self.fed(feed)
        engine.context.profiler = profiler = profile(self.network.trt)
        for _ in range(runs):
            engine.enqueue()
            self.cuda.synchronize(engine.stream)
        ops = [[name, "layer", "TensorRT", round(1000 * total / runs, 3)] for name, total in profiler.spent_ms.items()]
        ops.sort(key=lambda op: (-op[3], op[0]))
        return {"ops": ops, "graph": {"layer": len(ops)}, "gpu_ms": whole}


def profile(trt: Any) -> Any:
    """A profiler that adds up milliseconds by layer."""

    class Spent(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)
            self.spent_ms: dict[str, float] = {}

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            self.spent_ms[layer_name] = self.spent_ms.get(layer_name, 0.0) + ms

    return Spent()
