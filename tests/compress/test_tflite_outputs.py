"""Outputs that a model reads itself: as a state is, that goes out and into the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.compress.quantize.tflite import quantize_tflite_static
from edgebuild.compress.quantize.tflite_outputs import read_as_integers


def test_an_integer_operator_reads_the_integers_of_an_output(tmp_path: Path) -> None:
    import tensorflow as tf

    from edgebuild.compress.quantize.ranges import read_ranges
    from edgebuild.compress.quantize.tflite_calibrate import calibrate_tflite
    from edgebuild.runtimes.litert.session import open as load

    random = np.random.default_rng(0)
    x = tf.keras.Input((6,), name="x", batch_size=1)
    state = tf.keras.layers.Dense(8, activation="tanh", name="state")(x)
    model = tf.keras.Model(x, [tf.keras.layers.Dense(4, name="answer")(state), state])
    source, output = tmp_path / "model.tflite", tmp_path / "int8.tflite"
    source.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    samples = random.normal(size=(64, 6)).astype(np.float32)
    plain = load(str(source), {})
    np.savez(tmp_path / "inputs.npz", **{plain.inputs[0]["name"]: samples})
    calibrate_tflite(source, tmp_path / "inputs.npz", tmp_path / "ranges.json", "minmax")
    quantize_tflite_static(source, read_ranges(tmp_path / "ranges.json"), output)

    whole = load(str(output), {})
    for row in samples[:8]:
        feed = {plain.inputs[0]["name"]: row[None]}
        wanted, got = plain.run(feed), whole.run(feed)
        for name, value in wanted.items():
            # Two layers of 8 bits, each step about 1/128 of values near 1.
            np.testing.assert_allclose(got[name], value, atol=0.1)
    content = output.read_bytes()
    assert read_as_integers(content) == content, "nothing is left to change"
