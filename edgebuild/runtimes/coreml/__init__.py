"""Core ML: `.mlpackage` folders, run by Apple's runtime on macOS and by an evaluator of their programs elsewhere."""
