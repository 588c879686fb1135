"""ONNX → MIL, the language of Core ML's compiler: one file for each group of operators."""
