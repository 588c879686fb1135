"""Torch modules, traced, converted by coremltools and run by torch: `python -m tests.runtimes.coreml.torch_models OUT`.

Each leaves `NAME.mlpackage` and `NAME.npz`: inputs `in0 …` by position, outputs `out0 …`. A process of its own, for
coremltools converts from torch only where it was imported with torch in sight.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
import coremltools as ct  # noqa: E402
from coremltools.converters.mil import Builder as mb  # noqa: E402
from coremltools.converters.mil.frontend.torch import ops  # noqa: E402

from tests.runtimes.coreml.names import TORCH  # noqa: E402

Make = tuple[Callable[[], nn.Module], list[tuple[int, ...]]]
IMAGE = [(2, 4, 9, 11)]


THEIRS = ops._cast


def _cast(context: Any, node: Any, dtype: type, name: str) -> None:
    """coremltools 9 casts arrays of one element to numbers, which numpy refuses from 2.4 on."""
    value = context[node.inputs[0]].val
    if not isinstance(value, np.ndarray):
        return THEIRS(context, node, dtype, name)
    return context.add(mb.const(val=dtype(value.item()), name=node.name), node.name)


ops._cast = _cast


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., object], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, *values: torch.Tensor) -> object:
        return self.function(*self.parts, *values)


def of(function: Callable[..., object], shapes: list[tuple[int, ...]] = IMAGE) -> Make:
    return lambda: Call(function), shapes


def layer(make: Callable[[], nn.Module], shapes: list[tuple[int, ...]] = IMAGE) -> Make:
    return make, shapes


MODELS: dict[str, Make] = {
    "conv": layer(lambda: nn.Conv2d(4, 6, 3)),
    "conv_pointwise": layer(lambda: nn.Conv2d(4, 6, 1)),
    "conv_pointwise_strided": layer(lambda: nn.Conv2d(4, 6, 1, stride=2, bias=False)),
    "conv_padded": layer(lambda: nn.Conv2d(4, 6, (3, 5), stride=(2, 1), padding=(1, 2))),
    "conv_same": layer(lambda: nn.Conv2d(4, 6, 4, padding="same")),
    "conv_dilated_grouped": layer(lambda: nn.Conv2d(4, 8, 3, dilation=2, groups=2, padding=2)),
    "conv_depthwise": layer(lambda: nn.Conv2d(4, 8, 3, groups=4, padding=1, stride=2)),
    "conv_1d": layer(lambda: nn.Conv1d(4, 6, 5, stride=3, padding=2), [(2, 4, 17)]),
    "conv_3d": layer(lambda: nn.Conv3d(2, 3, 3, padding=1), [(1, 2, 5, 6, 7)]),
    "transposed": layer(lambda: nn.ConvTranspose2d(4, 6, 3, stride=2)),
    "transposed_padded": layer(lambda: nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1)),
    "transposed_output_padding": layer(lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1)),
    "transposed_grouped_dilated": layer(lambda: nn.ConvTranspose2d(4, 6, 3, groups=2, dilation=2)),
    "transposed_1d": layer(lambda: nn.ConvTranspose1d(4, 3, 5, stride=3, padding=1), [(1, 4, 7)]),
    "max_pool": layer(lambda: nn.MaxPool2d(3, 2, padding=1)),
    "max_pool_ceil": layer(lambda: nn.MaxPool2d(3, 2, ceil_mode=True)),
    "max_pool_ceil_padded": layer(lambda: nn.MaxPool2d(2, 2, padding=1, ceil_mode=True)),
    "average_pool": layer(lambda: nn.AvgPool2d((2, 3), stride=2, padding=(0, 1))),
    "average_pool_exclude": layer(lambda: nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)),
    "average_pool_ceil": layer(lambda: nn.AvgPool2d(3, 2, ceil_mode=True)),
    "average_pool_ceil_padded": layer(lambda: nn.AvgPool2d(4, 3, padding=1, ceil_mode=True)),
    "average_pool_ceil_exclude": layer(lambda: nn.AvgPool2d(4, 3, padding=1, ceil_mode=True, count_include_pad=False)),
    "max_pool_1d": layer(lambda: nn.MaxPool1d(3, 2), [(1, 3, 12)]),
    "average_pool_3d": layer(lambda: nn.AvgPool3d(2), [(1, 2, 4, 6, 8)]),
    "global_pool": layer(lambda: nn.AdaptiveAvgPool2d(1)),
    "batch_norm": layer(lambda: nn.BatchNorm2d(4)),
    "instance_norm": layer(lambda: nn.InstanceNorm2d(4, affine=True)),
    "layer_norm": layer(lambda: nn.LayerNorm(11)),
    "group_norm": layer(lambda: nn.GroupNorm(2, 4)),
    "response_norm": layer(lambda: nn.LocalResponseNorm(3)),
    "lstm": layer(lambda: nn.LSTM(5, 7, batch_first=True), [(2, 6, 5)]),
    "lstm_both_ways": layer(lambda: nn.LSTM(5, 7, bidirectional=True), [(6, 2, 5)]),
    "lstm_deep": layer(lambda: nn.LSTM(5, 7, num_layers=2, bidirectional=True, batch_first=True), [(1, 6, 5)]),
    "gru": layer(lambda: nn.GRU(5, 7), [(6, 2, 5)]),
    "gru_both_ways": layer(lambda: nn.GRU(5, 7, bidirectional=True), [(6, 1, 5)]),
    "rnn": layer(lambda: nn.RNN(5, 7), [(6, 2, 5)]),
    "attention": (lambda: Call(lambda a, x: a(x, x, x)[0], nn.MultiheadAttention(12, 3, batch_first=True)), [(2, 5,
        12)]),
    "encoder": layer(
        lambda: nn.TransformerEncoderLayer(12, 3, 24, activation="gelu", batch_first=True).eval(), [(1, 5, 12)]
    ),
    "dot_product_attention": of(F.scaled_dot_product_attention, [(1, 2, 5, 4), (1, 2, 6, 4), (1, 2, 6, 3)]),
    "nearest_twice": of(lambda x: F.interpolate(x, scale_factor=2, mode="nearest")),
    "nearest_fraction": of(lambda x: F.interpolate(x, scale_factor=1.5, mode="nearest")),
    "nearest_size": of(lambda x: F.interpolate(x, size=(18, 33), mode="nearest")),
    "bilinear_half_pixel": of(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)),
    "bilinear_aligned": of(lambda x: F.interpolate(x, size=(17, 23), mode="bilinear", align_corners=True)),
    "bilinear_smaller": of(lambda x: F.interpolate(x, size=(5, 4), mode="bilinear", align_corners=False)),
    "grid_sample": of(lambda x, g: F.grid_sample(x, g.tanh() * 1.2, align_corners=True), [(2, 4, 9, 11), (2, 5, 6, 2)]),
    "grid_sample_border": of(
        lambda x, g: F.grid_sample(x, g, padding_mode="border", align_corners=False), [(2, 4, 9, 11), (2, 5, 6, 2)]
    ),
    "pixel_shuffle": of(lambda x: F.pixel_shuffle(x, 2)),
    "pixel_unshuffle": of(lambda x: F.pixel_unshuffle(x, 3), [(1, 2, 6, 9)]),
    "pad_reflect": of(lambda x: F.pad(x, (2, 1, 3, 0), mode="reflect")),
    "pad_replicate": of(lambda x: F.pad(x, (2, 1, 3, 0), mode="replicate")),
    "pad_constant": of(lambda x: F.pad(x, (2, 1, 3, 0), value=1.5)),
    "gelu": of(lambda x: F.gelu(x) + F.gelu(x, approximate="tanh")),
    "activations": of(lambda x: F.elu(x) + F.silu(x) * F.softplus(x) + F.hardswish(x) - F.hardsigmoid(x) + F.mish(x)),
    "more_activations": of(lambda x: F.leaky_relu(x, 0.1) + F.relu6(x) * F.softsign(x) + F.selu(x) + F.hardtanh(x)),
    "prelu": layer(lambda: nn.PReLU(4, init=0.3)),
    "log_softmax": of(lambda x: F.log_softmax(x, 1)),
    "einsum": of(lambda a, b: torch.einsum("bnqd,bnkd->bnqk", a, b), [(2, 3, 4, 5), (2, 3, 6, 5)]),
    "arithmetic": of(lambda x, y: torch.floor_divide(x, y) - torch.remainder(x, y) + x**2, [(3, 4)] * 2),
    "reductions": of(lambda x: (x.sum(1), x.mean((2, 3)), x.amax(3, keepdim=True), x.norm(dim=1), x.logsumexp(-1))),
    "extremes": of(lambda x: (x.argmax(1), x.max(dim=2)[0], x.argmin(3), x.std(dim=3))),
    "sorting": of(lambda x: (x.topk(3, dim=1)[0], x.sort(dim=3)[0], x.argsort(dim=2, descending=True))),
    "slices": of(lambda x: (x[:, 1:, ::2, -3:], x[..., 0], x.flip(2), x.roll(2, 3), x.narrow(3, 2, 4))),
    "parts": of(lambda x: (torch.cat([p * 2 for p in x.chunk(2, 1)], 3), torch.stack(x.unbind(0), 1), x.split([1, 3],
        1)[1])),
    "indices": of(lambda x: (x[:, [2, 0]], torch.gather(x, 3, x.argsort(3)), x.index_select(2, torch.tensor([1, 5])))),
    "scattered": of(lambda x: x.scatter_add(1, x.argsort(1), x) + x.scatter(3, x.argsort(3), 2 * x)),
    "masks": of(lambda x: torch.where(x > 0, x, -x).masked_fill(x.abs() > 1, 0.5).tril() + x.triu(1) + x.cumsum(2)),
    "shapes": of(lambda x: (x.reshape(2, -1).unsqueeze(1), x.permute(3, 0, 2, 1), x.expand(3, 2, 4, 9, 11),
        x.repeat(1, 2, 1, 1))),
    "rounding": of(lambda x: (torch.round(x * 4), x.floor() + x.ceil() + x.sign(), x.clamp(-0.5, 0.7))),
    "functions": of(
        lambda x: x.exp() + x.abs().log() + x.abs().sqrt() + x.sin() * x.cos() + x.erf() + x.atan() + x.abs().rsqrt()
    ),
    "embedding": (lambda: Call(lambda e, x: e((x.abs() * 3).int()), nn.Embedding(30, 5)), [(2, 6)]),
}  # fmt: skip


def write(name: str, folder: Path) -> None:
    """One model: packages in float32, and what torch answers."""
    make, shapes = MODELS[name]
    torch.manual_seed(sum(map(ord, name)))
    module = make().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2)
    values = tuple(torch.randn(shape) for shape in shapes)
    with torch.no_grad():
        traced = torch.jit.trace(module, values, check_trace=False)
        found = traced(*values)
    flat = _flat(found)
    program = ct.convert(
        traced, inputs=[ct.TensorType(f"in{k}", shape) for k, shape in enumerate(shapes)], convert_to="mlprogram",
        outputs=[ct.TensorType(f"out{k}") for k in range(len(flat))], skip_model_load=True,
        minimum_deployment_target=ct.target.iOS18 if "dot" in name else ct.target.iOS16,
        compute_precision=ct.precision.FLOAT32,
    )  # fmt: skip
    program.save(str(folder / f"{name}.mlpackage"))
    arrays = {f"in{k}": value.numpy() for k, value in enumerate(values)}
    np.savez(folder / f"{name}.npz", **arrays, **{f"out{k}": value.numpy() for k, value in enumerate(flat)})


def _flat(found: object) -> list[torch.Tensor]:
    if isinstance(found, torch.Tensor):
        return [found]
    return [tensor for part in found for tensor in _flat(part)]  # type: ignore[attr-defined]


def main() -> None:
    folder = Path(sys.argv[1])
    assert tuple(MODELS) == TORCH, "names.py has another list"
    for name in sys.argv[2:] or MODELS:
        try:
            write(name, folder)
        except Exception as error:
            (folder / f"{name}.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")


if __name__ == "__main__":
    main()
