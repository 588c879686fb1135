"""What a channel is worth, by the weights that go with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from edgebuild.compress.prune.channels import STAYS, Network, Site

if TYPE_CHECKING:
    import numpy as np

Criterion = Literal["l2", "l1"]
"""Norm of a channel's weights: L1 of arXiv:1608.08710, L2 of arXiv:2301.12900."""
Values = Mapping[tuple[str, str], Any]
"""Stored arrays by layer and name of the weight."""


def magnitudes(network: Network, values: Values, criterion: str) -> dict[int, float]:
    """What each class of channels is worth: the norm of everything that would go with it.

    Every kernel counts with the filters that make its channels and with the slices that read others', each against the
    mean of its own: layers with larger weights say no more than others (arXiv:2301.12900, section 3.3). The factor of a
    normalisation behind a layer counts as part of its filters.

    Returns:
        Class to score, without a unit; all classes that can be left out.
    """
    import numpy as np

    total = dict[int, float]()
    for site in network.sites.values():
        for weight in site.weights:
            if not weight.positions:
                continue
            kernel = np.abs(folded(site, weight.name, values).astype(np.float64))
            kernel = kernel**2 if criterion == "l2" else kernel
            for axis, (_, numbers) in weight.axes.items():
                others = tuple(place for place in range(kernel.ndim) if place != axis)
                for found, worth in relative(network.channels.classes(numbers), kernel.sum(others), criterion).items():
                    total[found] = total.get(found, 0.0) + worth
    return total


def relative(classes: np.ndarray, sums: np.ndarray, criterion: str) -> dict[int, float]:
    """Norm of each class along one axis, 1 on the mean."""
    import numpy as np

    found, places = np.unique(classes, return_inverse=True)
    norms = np.bincount(places.reshape(-1), sums)
    norms = np.sqrt(norms) if criterion == "l2" else norms
    mean = float(norms[found != STAYS].mean()) if (found != STAYS).any() else 0.0
    return {int(name): float(norm) / (mean or 1.0) for name, norm in zip(found, norms, strict=True) if name != STAYS}


def folded(site: Site, weight: str, values: Values) -> np.ndarray:
    """A kernel with the factor of the normalisation behind it."""
    import numpy as np

    kernel: np.ndarray = values[site.name, weight]
    fold = site.fold
    if fold is None or weight == "depthwise_kernel":
        return kernel
    spread = np.sqrt(values[fold.site, fold.variance] + fold.epsilon)
    scale = (values[fold.site, fold.gamma] if fold.gamma else 1.0) / spread
    axes = next(item.axes for item in site.weights if item.name == weight)
    made = [axis for axis, (role, numbers) in axes.items() if role != "in" and len(numbers) == np.size(scale)]
    if not made and np.size(scale) > 1:
        # Of each channel several are made, side by side on the last axis.
        return np.asarray(kernel * scale.reshape(kernel.shape[-2:]))
    axis = made[0] if made else 0
    return np.asarray(kernel * np.reshape(scale, [-1 if place == axis else 1 for place in range(kernel.ndim)]))
