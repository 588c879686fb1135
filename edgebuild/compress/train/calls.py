"""Which operation made a value, looked for inside models that are layers of others."""

from __future__ import annotations

from typing import Any

Around = tuple[tuple[Any, Any], ...]
"""Models that a value is inside of, outermost first, each with the call of it."""


def maker(tensor: Any, around: Around = ()) -> tuple[Any, list[tuple[Any, Around]]]:
    """The operation that made a value, and the values it took, each as `maker` wants it.

    Args:
        tensor: symbolic, of a functional Keras model.
        around: models that it is inside of.
    """
    import keras

    history = tensor._keras_history
    operation = history.operation
    node = operation._inbound_nodes[history.node_index]
    inner = getattr(operation, "_functional", None) or operation
    if isinstance(inner, keras.Model) and hasattr(inner, "_run_through_graph"):
        return maker(inner.outputs[history.tensor_index], (*around, (inner, node)))
    if node.is_input and around:
        *outer, (model, call) = around
        position = next(number for number, item in enumerate(model.inputs) if item is tensor)
        return maker(call.input_tensors[position], tuple(outer))
    return operation, [(item, around) for item in node.input_tensors]
