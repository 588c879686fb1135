"""Torch modules of the zoo, seeded, in inference mode; channels first."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

OPSET = 17


def write(make: Callable[[], Any], feed: dict[str, np.ndarray[Any, Any]], folder: Path, name: str) -> dict[str, Path]:
    """The module as `.onnx`, `.ts` and `.pt2`; outputs are called `y`, or `y0`, `y1`, …"""
    import torch

    torch.manual_seed(5)
    torch.set_num_threads(1)
    module = settled(make(), feed).eval()
    given = tuple(torch.from_numpy(array) for array in feed.values())
    with torch.no_grad():
        found = module(*given)
    outputs = ["y"] if isinstance(found, torch.Tensor) else [f"y{row}" for row in range(len(found))]
    files = {form: folder / f"{name}{suffix}" for form, suffix in SUFFIXES.items()}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, given, str(files["onnx-file"]), input_names=list(feed), output_names=outputs,
            opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        torch.jit.trace(module, given, check_trace=False).save(str(files["torchscript"]))
        torch.export.save(torch.export.export(module, given), str(files["pt2"]))
    return files


SUFFIXES = {"onnx-file": ".onnx", "torchscript": ".ts", "pt2": ".pt2"}


def settled(module: Any, feed: dict[str, np.ndarray[Any, Any]]) -> Any:
    """A few passes in training mode, so that batch norms hold statistics that are not 0 and 1."""
    import torch

    module.train()
    with torch.no_grad():
        for _ in range(3):
            module(*(torch.from_numpy(np.repeat(array, 4, axis=0)) for array in feed.values()))
    return module


def conv(taken: int, made: int, kernel: int = 3, stride: int = 1, groups: int = 1, act: Any = None) -> Any:
    """Convolution, batch norm, activation (ReLU where nothing is said)."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(taken, made, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(made),
        nn.ReLU() if act is None else act,
    )


def mlp() -> Any:
    """Two hidden layers."""
    from torch import nn

    return nn.Sequential(nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, 5), nn.Softmax(-1))


def cnn() -> Any:
    """Convolutions, pooling, a dense head."""
    from torch import nn

    return nn.Sequential(
        conv(3, 8), nn.MaxPool2d(2), conv(8, 16), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16 * 16, 10), nn.Softmax(-1)
    )


def resnet8() -> Any:
    """Three residual stages, as MLPerf Tiny's image classifier."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, taken: int, made: int, stride: int) -> None:
            super().__init__()
            self.first, self.second = conv(taken, made, 3, stride), conv(made, made, act=nn.Identity())
            self.skip = nn.Identity() if stride == 1 else nn.Conv2d(taken, made, 1, stride)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.second(self.first(x)) + self.skip(x))

    body = [conv(3, 16), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10), nn.Softmax(-1))


def mobilenet() -> Any:
    """Inverted residuals with hard swish and ReLU6."""
    from torch import nn

    class Inverted(nn.Module):
        def __init__(self, taken: int, made: int, stride: int, act: Any) -> None:
            super().__init__()
            wide = taken * 4
            self.body = nn.Sequential(
                conv(taken, wide, 1, act=act),
                conv(wide, wide, 3, stride, groups=wide, act=act),
                conv(wide, made, 1, act=nn.Identity()),
            )
            self.same = stride == 1 and taken == made

        def forward(self, x: Any) -> Any:
            return self.body(x) + x if self.same else self.body(x)

    hard, six = nn.Hardswish(), nn.ReLU6()
    body = [conv(3, 8, 3, 2, act=hard), Inverted(8, 8, 1, six), Inverted(8, 16, 2, hard), Inverted(16, 16, 1, hard)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10), nn.LogSoftmax(-1))


def efficientnet() -> Any:
    """Swish and squeeze-and-excite."""
    from torch import nn

    class Excite(nn.Module):
        def __init__(self, wide: int) -> None:
            super().__init__()
            self.gate = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(wide, wide // 4, 1), nn.SiLU(), nn.Conv2d(wide // 4, wide, 1),
                nn.Sigmoid(),
            )  # fmt: skip

        def forward(self, x: Any) -> Any:
            return x * self.gate(x)

    def stage(taken: int, made: int, stride: int) -> Any:
        wide = taken * 4
        return nn.Sequential(
            conv(taken, wide, 1, act=nn.SiLU()),
            conv(wide, wide, 5, stride, groups=wide, act=nn.SiLU()),
            Excite(wide),
            conv(wide, made, 1, act=nn.Identity()),
        )

    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10), nn.Softmax(-1)]
    return nn.Sequential(conv(3, 8, 3, 2, act=nn.SiLU()), stage(8, 12, 2), stage(12, 16, 1), *head)


def unet() -> Any:
    """Down by pooling, up by transposed convolution and by resizing, skips joined by channel."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Unet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.deep = conv(3, 8), conv(8, 16), conv(16, 32)
            self.up = nn.ConvTranspose2d(32, 16, 2, 2)
            self.join, self.last, self.out = conv(32, 16), conv(24, 8), nn.Conv2d(8, 2, 1)

        def forward(self, x: Any) -> Any:
            one = self.one(x)
            two = self.two(functional.max_pool2d(one, 2))
            deep = self.deep(functional.max_pool2d(two, 2))
            joined = self.join(torch.cat([self.up(deep), two], 1))
            wide = functional.interpolate(joined, scale_factor=2.0, mode="bilinear", align_corners=False)
            return torch.sigmoid(self.out(self.last(torch.cat([wide, one], 1))))

    return Unet()


def yolo_head() -> Any:
    """A small backbone with two heads on grids: boxes decoded with anchors, scores by sigmoid, joined along boxes."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Yolo(nn.Module):
        def __init__(self, classes: int = 4) -> None:
            super().__init__()
            self.body = nn.Sequential(conv(3, 8, 3, 2, act=nn.SiLU()), conv(8, 16, 3, 2, act=nn.SiLU()))
            self.deeper = conv(16, 32, 3, 2, act=nn.SiLU())
            self.fine, self.coarse = nn.Conv2d(48, 5 + classes, 1), nn.Conv2d(32, 5 + classes, 1)

        def decoded(self, found: Any, stride: int) -> Any:
            rows, columns = found.shape[2], found.shape[3]
            y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            grid = torch.stack([x, y], 0).float()[None]
            where = (torch.sigmoid(found[:, :2]) * 2 - 0.5 + grid) * stride
            size = (torch.sigmoid(found[:, 2:4]) * 2) ** 2 * stride * 2
            return torch.cat([where, size, torch.sigmoid(found[:, 4:])], 1).flatten(2).permute(0, 2, 1)

        def forward(self, x: Any) -> Any:
            fine = self.body(x)
            coarse = self.deeper(fine)
            joined = torch.cat([fine, functional.interpolate(coarse, scale_factor=2.0, mode="nearest")], 1)
            return torch.cat([self.decoded(self.fine(joined), 4), self.decoded(self.coarse(coarse), 8)], 1)

    return Yolo()


def encoder(wide: int, heads: int) -> Any:
    """One block of a transformer, written out: layer norm, attention, GELU."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(wide, wide * 3), nn.Linear(wide, wide)
            self.before, self.after = nn.LayerNorm(wide), nn.LayerNorm(wide)
            self.feed = nn.Sequential(nn.Linear(wide, wide * 2), nn.GELU(), nn.Linear(wide * 2, wide))

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            parts = self.qkv(self.before(x)).reshape(batch, length, 3, heads, wide // heads).permute(2, 0, 3, 1, 4)
            query, key, value = parts[0], parts[1], parts[2]
            weights = torch.softmax(query @ key.transpose(-2, -1) * (wide // heads) ** -0.5, -1)
            x = x + self.out((weights @ value).transpose(1, 2).reshape(batch, length, wide))
            return x + self.feed(self.after(x))

    return Block()


def bert() -> Any:
    """Token and position embeddings, two blocks; pooled scores and the sequence, two outputs."""
    import torch
    from torch import nn

    class Bert(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(100, 32), nn.Parameter(torch.randn(1, 12, 32) * 0.1)
            self.blocks, self.norm = nn.Sequential(encoder(32, 4), encoder(32, 4)), nn.LayerNorm(32)
            self.head = nn.Linear(32, 3)

        def forward(self, ids: Any) -> Any:
            hidden = self.norm(self.blocks(self.words(ids) + self.places))
            return self.head(torch.tanh(hidden[:, 0])), hidden

    return Bert()


def vit() -> Any:
    """Patches by a convolution, a class token, two blocks."""
    import torch
    from torch import nn

    class Vit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.token = nn.Conv2d(3, 32, 8, 8), nn.Parameter(torch.randn(1, 1, 32))
            self.places = nn.Parameter(torch.randn(1, 17, 32) * 0.1)
            self.blocks, self.norm = nn.Sequential(encoder(32, 4), encoder(32, 4)), nn.LayerNorm(32)
            self.head = nn.Linear(32, 10)

        def forward(self, x: Any) -> Any:
            flat = self.patches(x).flatten(2).transpose(1, 2)
            tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), flat], 1) + self.places
            return torch.softmax(self.head(self.norm(self.blocks(tokens))[:, 0]), -1)

    return Vit()


def recurrent(kind: str) -> Any:
    """Two directions of a recurrent layer over twenty steps; the last step's scores."""
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = getattr(nn, kind)(6, 12, batch_first=True, bidirectional=kind == "LSTM")
            self.head = nn.Linear(24 if kind == "LSTM" else 12, 4)

        def forward(self, x: Any) -> Any:
            return torch.softmax(self.head(self.steps(x)[0][:, -1]), -1)

    return Recurrent()


def lstm() -> Any:
    """See `recurrent`."""
    return recurrent("LSTM")


def gru() -> Any:
    """See `recurrent`."""
    return recurrent("GRU")
