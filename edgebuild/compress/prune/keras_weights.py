"""Layers of Keras that store something along their channels."""

from __future__ import annotations

from edgebuild.compress.prune.channels import Axes, Fold, Lanes, Site
from edgebuild.compress.prune.keras_met import Met, known_as, spots


def convolution(met: Met) -> Lanes:
    """Conv1D … 3D, their transposes, Dense: a kernel from all channels to all channels."""
    groups = getattr(met.layer, "groups", 1)
    if groups != 1:
        return grouped(met) if groups == met.given[0].shape[-1] else met.stays(f"convolves in {groups} groups")
    transposed, dense = "Transpose" in known_as(met.layer), known_as(met.layer) == "Dense"
    reads, made = met.last(), met.makes("units" if dense else "filters")
    into, out = (-1, -2) if transposed else (-2, -1)
    site = met.network.site(
        met.layer,
        spots(met.given[0].shape if transposed else met.shape),
        kernel={into: ("in", reads), out: ("out", made)},
        bias={0: ("out", made)},
    )
    return sums(met.plain(made), site)


def depthwise(met: Met) -> Lanes:
    """DepthwiseConv1D and 2D: each channel becomes `depth_multiplier` of its own, side by side."""
    reads = met.last()
    made = reads.repeat(met.layer.depth_multiplier)
    site = met.network.site(met.layer, spots(met.shape), kernel={-2: ("along", reads)}, bias={0: ("along", made)})
    return sums(met.plain(made), site)


def grouped(met: Met) -> Lanes:
    """A convolution with a group for each channel: depthwise in other words."""
    reads = met.last()
    made = reads.repeat(met.layer.filters // met.layer.groups)
    if met.network.path(met.layer) not in met.network.sites:
        met.network.says(met.layer, "filters", made)
        met.network.says(met.layer, "groups", reads)
    own: Axes = {-1: ("along", made)}
    return sums(met.plain(made), met.network.site(met.layer, spots(met.shape), kernel=own, bias=own))


def separable(met: Met) -> Lanes:
    """SeparableConv1D and 2D: a depthwise convolution and one of a single place behind it."""
    reads, made = met.last(), met.makes("filters")
    site = met.network.site(
        met.layer,
        spots(met.shape),
        pointwise_kernel={-2: ("in", reads.repeat(met.layer.depth_multiplier)), -1: ("out", made)},
        depthwise_kernel={-2: ("along", reads)},
        bias={0: ("out", made)},
    )
    return sums(met.plain(made), site)


def normalisation(met: Met) -> Lanes:
    """BatchNormalization: a factor and a shift for each channel."""
    axis = met.layer.axis if isinstance(met.layer.axis, int) else met.layer.axis[0]
    if axis not in (-1, len(met.shape)):
        return met.stays("normalises along another axis than the last")
    numbers, maker = met.last(), met.given[0].maker
    own: Axes = {0: ("along", numbers)}
    site = met.network.site(met.layer, 0, gamma=own, beta=own, moving_mean=own, moving_variance=own)
    if maker is not None:
        maker.fold = Fold(site.name, "gamma" if met.layer.scale else "", "moving_variance", float(met.layer.epsilon))
    return met.plain(numbers)


def slopes(met: Met) -> Lanes:
    """PReLU: slopes for each element, or shared along some axes."""
    numbers = met.last()
    shared = met.layer.alpha.shape[-1] != len(numbers)
    met.network.site(met.layer, 0, alpha={} if shared else {-1: ("along", numbers)})
    return met.plain(numbers)


def sums(value: Lanes, site: Site) -> Lanes:
    """The value as the layer's own sums."""
    return Lanes(value.numbers, value.shape, site)
