"""Packages as a build makes them: a tiny real classifier for each runtime, predicted for real."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.core.dossier import Account, CandidateFile, Dossier, Tensor
from edgebuild.core.wires import Attempt, Refusal
from edgebuild.data.sources import digest_path
from edgebuild.deliver.package import AssemblePackage, checksums, sha256
from edgebuild.measure.predict import predict
from edgebuild.runtimes import load_target
from tests.conftest import Bench, wire
from tests.decide.dossiers import candidate, dossier

FEATURES, CLASSES = 8, 4
SCALE = 1 / 32
LABELS = ("cat", "dog", "bird", "fish")
MODELS = {"onnxruntime": "model.onnx", "litert": "model.tflite", "tensorrt": "model.onnx"}


def weights() -> np.ndarray:
    """float32 (CLASSES, FEATURES), whole steps of `SCALE`."""
    random = np.random.default_rng(5)
    return (random.integers(-40, 40, size=(CLASSES, FEATURES)) * SCALE).astype(np.float32)


def onnx_model(file: Path) -> Path:
    """`y = x·wᵀ`, x float32 (1, 8), y float32 (1, 4)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CLASSES])],
        [numpy_helper.from_array(np.ascontiguousarray(weights().T), "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


def tflite_model(file: Path, quantized: bool = False, signed: bool = True) -> Path:
    """The same as one FULLY_CONNECTED, written without TensorFlow.

    Args:
        file: to write.
        quantized: int8 throughout, inputs and outputs included, in steps of `SCALE`.
        signed: whether it has a signature; without one the tensors have names like an exporter's.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    kind = schema.TensorType.INT8 if quantized else schema.TensorType.FLOAT32
    stored = np.round(weights() / SCALE).astype(np.int8) if quantized else weights()
    names = ("x", "w", "y") if signed else ("serving_default_x:0", "w", "y:0")
    shapes, scales = ([1, FEATURES], [CLASSES, FEATURES], [1, CLASSES]), (SCALE, SCALE, SCALE * 8)
    graph = schema.SubGraphT()
    graph.inputs, graph.outputs, graph.tensors = [0], [2], []
    for index, (name, shape, scale) in enumerate(zip(names, shapes, scales, strict=True)):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, index
        if quantized:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        graph.tensors.append(tensor)
    op = schema.OperatorT()
    op.inputs, op.outputs, op.opcodeIndex = [0, 1, -1], [2], 0
    op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    op.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [op]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4 if quantized else 1
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT() for _ in names]
    model.buffers[1].data = np.frombuffer(stored.tobytes(), np.uint8)
    model.signatureDefs = [signature(schema)] if signed else None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    file.write_bytes(bytes(builder.Output()))
    return file


def signature(schema: Any) -> Any:
    """`serving_default(x) -> y`."""
    found = schema.SignatureDefT()
    found.signatureKey, found.subgraphIndex = "serving_default", 0
    sides = []
    for name, index in (("x", 0), ("y", 2)):
        item = schema.TensorMapT()
        item.name, item.tensorIndex = name, index
        sides.append([item])
    found.inputs, found.outputs = sides
    return found


class Factory:
    """Assembles packages of the tiny classifier in one folder; every part can be changed before."""

    def __init__(self, folder: Path, runtime: str = "onnxruntime", model: Path | None = None, **options: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.runtime = folder, runtime
        self.target = load_target(runtime).model_validate({"runtime": runtime, **options})
        make = tflite_model if runtime == "litert" else onnx_model
        self.model = model or make(folder / MODELS[runtime])
        self.samples = folder / "report"
        self.samples.mkdir()
        inputs = np.random.default_rng(7).normal(size=(5, FEATURES)).astype(np.float32)
        np.savez(self.samples / "inputs.npz", x=inputs)
        self.predicted = folder / "predictions"
        predict(self.model, self.target.call(), self.samples / "inputs.npz", self.predicted)
        self.inputs: dict[str, Path | Refusal] = {
            "samples": self.samples, "source": self.model, "predicted": self.predicted,
            "refused": Refusal(kind="rejected", by="tool 1.0", why="it would not."),
        }  # fmt: skip
        self.files: dict[str, Path] = {}
        self.shapes: dict[str, dict[str, int | str]] = {}
        self.templates: Path | None = None

    def candidate(self, **changes: Any) -> CandidateFile:
        """The untouched model."""
        made = candidate("source", "the model itself, not compressed", account=Account(float_ops=1))
        return made.model_copy(update={"digest": digest_path(self.model), "filename": MODELS[self.runtime], **changes})

    def dossier(self, **changes: Any) -> Dossier:
        """Of a target whose budgets are all met."""
        fields: dict[str, Any] = {
            "name": "animals",
            "files": (self.candidate(),),
            "budgets": (),
            "runtime": self.runtime,
            "call": self.target.call(),
            "inputs": (Tensor(name="x", shape=(1, FEATURES), dtype="float32"),),
            "outputs": (Tensor(name="y", shape=(1, CLASSES), dtype="float32"),),
            "labels": LABELS,
            "interface": {},
        }
        return dossier(**fields | changes)

    def package(self, where: str = "1", made: Dossier | None = None) -> Path:
        """Run the step for real."""
        made = made or self.dossier()
        (self.folder / "dossier.json").write_text(made.model_dump_json())
        inputs = self.inputs | {"dossier": self.folder / "dossier.json", **self.files}
        if self.templates:
            inputs["templates"] = self.templates
        first = made.choice or made.nearest or ""
        step = AssemblePackage(
            dossier=wire("dossier"),
            models=tuple(attempt("source" if item.name == first else "refused") for item in made.candidates),
            predictions=tuple(attempt("predicted" if item.name == first else "refused") for item in made.candidates),
            samples=wire("samples"),
            config=self.target.package_config(self.shapes),
            files={name: wire(name) for name in self.files},
            templates=wire("templates") if self.templates else None,
        )
        return Bench(self.folder / f"work-{where}", **inputs).run(step)


def attempt(name: str) -> Attempt:
    """A wire to an input of a `Bench` that may be a refusal."""
    return Attempt(id=name, filename=name)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a package by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(package: Path) -> dict[str, Any]:
    """The manifest, as anyone reads it."""
    content: dict[str, Any] = json.loads((package / "manifest.json").read_text())
    return content


def reseal(package: Path, **changes: Any) -> None:
    """Write manifest and checksums anew over whatever is there: damage that no checksum shows."""
    content = manifest(package) | changes
    content["files"] = {
        name: f"sha256:{digest}" for name, digest in checksums(package).items() if name != "manifest.json"
    }
    (package / "manifest.json").write_text(json.dumps(content))
    lines = [f"{digest}  {name}\n" for name, digest in checksums(package).items()]
    (package / "SHA256SUMS").write_text("".join(lines))
    assert sha256(package / "manifest.json") == hashlib.sha256((package / "manifest.json").read_bytes()).hexdigest()
