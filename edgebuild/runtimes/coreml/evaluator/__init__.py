"""An evaluator of ML programs (MIL) on numpy: what a saved `.mlpackage` computes, told without Apple's runtime.

It checks a conversion and a compression, operator by operator as coremltools documents them. It is not Core ML: which
operators Apple's compiler takes, where it places them, and how the Neural Engine accumulates float16 are not modelled.
A value of type float16 is computed in float32 and rounded once, after its operator.

`table.py` is the list of operators; one file for each group of them. `program.py` loads, plans and runs.
"""
