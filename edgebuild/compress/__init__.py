"""Compressing: model → a smaller or faster other model. The stages a recipe may name."""

STAGES: dict[str, str] = {
    "quantize": "edgebuild.compress.quantize.stage:Quantize",
    "prune": "edgebuild.compress.prune.stage:Prune",
    "train": "edgebuild.compress.train.stage:Train",
    "distill": "edgebuild.compress.train.distill:Distill",
    "search": "edgebuild.compress.search.architecture.stage:SearchSpace",
}
"""Key of a candidate, or of one of its steps, to class."""
