"""Valid specs that between them use most of the language."""

from __future__ import annotations

SMALL = """\
edgebuild: 1
name: demo
release: 1.0.0
model:
  source: model.onnx
data:
  source: data.py:samples
  splits: {calibrate: 100, select: 200, report: 400}
metrics:
  accuracy: {metric: top1}
candidates:
  w8: {quantize: int8}
targets:
  here: {device: here, runtime: onnxruntime}
budgets:
  all: {accuracy.drop: 1 pp, size: 0.6x}
objective: [{minimize: latency.p50, tie: 3 %}, {minimize: size}]
"""

LABELLED = """\
# A comment, which a cut may leave alone.
edgebuild: 1
name: labelled
model: {source: model.keras}
interface:
  inputs: {image: {kind: image, color: rgb, size: [28, 28], resize: bilinear, scale: 1/255, mean: [0, 0, 0]}}
  outputs: {probabilities: {labels: labels.txt}}
data:
  source: samples.npz
  inputs: ["*.npz"]
  group: speaker
  seed: 3
  splits:
    train: {where: {part: train}}
    calibrate: {from: train, count: 30}
    select: {where: {part: test}, count: 12}
    report: {where: {part: test}}
metrics:
  accuracy: {metric: top1}
  f1: {metric: f1, average: macro}
  night: {metric: top1, where: {light: night}}
  own: {function: metrics.py:own, decode: metrics.py:boxes, better: higher, unit: "%"}
targets:
  ort: {device: here, runtime: onnxruntime}
  litert: {device: here, runtime: litert, threads: 2}
budgets:
  all: {accuracy.drop: {max: 1 pp, upper: 2.5 pp}, f1: 99 %, latency.p50: 0.95x, size: 2 MiB}
  ort: {latency.p95: 8ms, latency.p50: null}
package: {files: [labels.txt]}
"""

WIDE = """\
edgebuild: 1
name: wide
model:
  source: model.onnx
  inputs:
    ids: {dims: [batch, seq], data: input_ids}
  shapes: {short: {batch: 1, seq: 32}, long: {batch: 1, seq: 128}}
data:
  source: data.py:samples
  splits: {calibrate: 100, select: 200, report: 400}
metrics:
  accuracy: {metric: top1}
  sqnr: {metric: sqnr}
candidates:
  defaults: true
  w8a8: {quantize: {weights: int8, activations: int8}, required: true}
  dyn: {quantize: {weights: int8, activations: dynamic}}
  half: {quantize: float16}
  steps: {steps: [{quantize: int8}]}
  own: {source: own.onnx}
targets:
  ${board}: {device: "${board}", runtime: onnxruntime, candidates: [w8a8, half], choose: w8a8}
  line: {device: {profile: here}, runtime: {name: onnxruntime}, objective: {maximize: throughput}}
budgets:
  all: {sqnr@scores: 20 dB, memory.model: 3 MB, latency.p95@long: 90 ms}
  raspberry-pi-*: {size: 2x}
evidence: {latency: simulated, accuracy: simulated, at_least: estimated, max_age: 90 d}
effort: {time: 20 min, candidates: 40, samples: {simulated: 300}}
matrix: {board: [raspberry-pi-4, raspberry-pi-5]}
x-notes: {anything: [1, "two", null]}
"""

ANCHORED = """\
x-common: &common {device: here, runtime: onnxruntime}
x-limits: &limits
  accuracy.drop: 1 pp
edgebuild: 1
name: "${env:NOBODY_SET_THIS:-anchored}"
release: "1.20"
model: {source: ./model.onnx, shapes: {range: {seq: 1..256}}}
data: {source: images, splits: {calibrate: 10, select: 20, report: 40}}
metrics:
  accuracy: {metric: top1}
targets:
  one: *common
  two: {<<: *common, threads: 1}
budgets:
  one: *limits
  t*:
    <<: [*limits]
    size: 3 MB
"""

EXTENDING = """\
extends: [base.edge.yaml]
name: extending
candidates: {w8: null}
targets: {here: {device: here, runtime: litert}}
"""

SEEDS = (SMALL, LABELLED, WIDE, ANCHORED, EXTENDING)
