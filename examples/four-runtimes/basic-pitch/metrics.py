"""A metric of our own: would the same notes be written down?"""

THRESHOLDS = {"StatefulPartitionedCall:2": 0.5, "StatefulPartitionedCall:1": 0.3}
"""Above which Basic Pitch takes a value for the start of a note, and for a note that sounds; its own defaults. The ONNX
file has kept TensorFlow's names: 2 are the starts, 1 the notes."""


def notes(outputs, labels, reference):  # noqa: ARG001 - the order edgebuild calls with
    """How far the marks that become notes are those of the untouched model: F1, in %, of the worse of both outputs.

    Few of the values are marks (about one in fifty), so the share of equal values is high whatever a candidate does;
    F1 looks at the marks alone.

    Args:
        outputs: the candidate's, by name, each of shape (windows, frames, keys).
        labels: none here.
        reference: the untouched model's outputs.
    """
    scores = []
    for name, limit in THRESHOLDS.items():
        ours, theirs = outputs[name] > limit, reference[name] > limit
        marks = ours.sum() + theirs.sum()
        scores.append(100.0 * 2 * (ours & theirs).sum() / marks if marks else 100.0)
    return min(scores)
