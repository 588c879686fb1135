"""Mixtures for targets that are not timed: layers ranked by their quantization noise, the noisiest in more bits."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.compress.search.precision.mixtures import Mixture

MOST = 16
"""Mixtures of one scheme at most."""


def quietest(noise: Sequence[float], whole: Mixture) -> list[Mixture]:
    """All layers in fewer bits, then all but the noisiest, then all but the two noisiest.

    Noises of single layers add up (see `Explorer.sensitivities`), so what this order leaves out costs the most.

    Args:
        noise: of each layer alone, as a part of the signal's energy.
        whole: all layers, computed or stored as wanted.
    """
    count = len(noise)
    order = sorted(range(count), key=lambda index: -noise[index])
    steps = sorted({round(count * part / MOST) for part in range(MOST)})
    left_out = [tuple(sorted(order[:number])) for number in steps if number < count]
    return [whole.model_copy(update={"floats": chosen}) for chosen in left_out]
