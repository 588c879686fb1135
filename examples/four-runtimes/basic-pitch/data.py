"""Windows of sound for the model; nobody wrote down which notes they hold, so there are no labels."""

from synth import window

WINDOWS = 100


def samples():
    """Each window once; `timbre` is there for metrics that look at one kind of sound alone."""
    for index in range(WINDOWS):
        sound, timbre = window(index)
        yield {"inputs": {"input_2": sound[:, None]}, "id": f"window-{index:03d}", "tags": {"timbre": timbre}}
