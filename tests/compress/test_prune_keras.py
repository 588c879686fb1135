"""Channels of Keras models: what hangs together, and that leaving them out is the same as their being zero."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as L

from edgebuild.compress.prune.account import Pruning
from edgebuild.compress.prune.channels import Network
from edgebuild.compress.prune.keras_cut import hold_against, narrowed, stored
from edgebuild.compress.prune.keras_graph import keras_network
from edgebuild.compress.prune.keras_repair import laid_out
from edgebuild.compress.prune.keras_sensitivity import measure_sensitivity
from edgebuild.compress.prune.keras_steps import cut_channels, example, plan_pruning, repair_keras
from edgebuild.compress.prune.scores import magnitudes
from edgebuild.compress.prune.sensitivity import Sensitivity
from edgebuild.compress.prune.widths import Work, left_out, rounded, uniform
from edgebuild.errors import Refused
from edgebuild.models.convert.traced import load_keras
from tests.compress.prune_models import MODELS, drawn, head, image, unit

NAMES = sorted(MODELS)


def answers(model: Any) -> list[np.ndarray]:
    return [np.asarray(item) for item in keras.tree.flatten(model(example(model), training=False))]


def silence(model: Any, network: Any, out: set[int]) -> None:
    """Zeros for all that makes or passes on these channels: filters, biases, normalisations, slopes."""
    for site, weight in network.every_weight():
        variable = getattr(network.layers[site.name], weight.name)
        for axis, (role, numbers) in weight.axes.items():
            if role != "in" and "variance" not in weight.name:
                kept = network.kept(numbers, out).reshape([-1 if a == axis else 1 for a in range(len(weight.shape))])
                variable.assign(variable.numpy() * kept)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_narrower_model_answers_what_the_whole_one_does_with_those_channels_at_zero(name: str, seed: int) -> None:
    model = drawn(MODELS[name], seed)
    network, random = keras_network(model), np.random.default_rng(seed)
    groups = network.groups()
    out = {c for group in groups for c in random.permutation(group.classes)[: random.integers(1, len(group.classes))]}
    made = narrowed(model, network, {int(item) for item in out})
    before = answers(model)
    hold_against(model, made, network, out, example(model))
    for was, now in zip(before, answers(model), strict=True):
        np.testing.assert_array_equal(now, was)  # comparing changed nothing
    silence(model, network, out)
    for want, got in zip(answers(model), answers(made), strict=True):
        assert want.shape == got.shape
        np.testing.assert_allclose(got, want, atol=2e-5 * max(1, np.abs(want).max()))
    assert made.count_params() < model.count_params()


@settings(max_examples=15, deadline=None)
@given(
    blocks=st.lists(
        st.sampled_from(["conv", "residual", "wide", "concat", "depthwise", "excite"]), min_size=1, max_size=4
    ),
    width=st.sampled_from([8, 12, 16]),
    seed=st.integers(0, 9),
)
def test_any_stack_of_blocks(blocks: list[str], width: int, seed: int) -> None:
    def stack() -> Any:
        i = image(4)
        x = unit(i, width)
        for block in blocks:
            size = x.shape[-1]
            if block == "conv":
                x = unit(x, width)
            elif block == "residual":
                x = L.Add()([x, unit(unit(x, width), size)])
            elif block == "wide":
                x = L.Add()([L.Conv2D(width, 1)(x), unit(x, width)])
            elif block == "concat":
                x = L.Concatenate()([x, unit(x, 8), x])
            elif block == "depthwise":
                x = L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same")(x))
            else:
                gate = L.Dense(size, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))
                x = L.Multiply()([x, gate])
        return keras.Model(i, L.Dense(2)(L.Flatten()(x)))

    model = drawn(stack, seed)
    network = keras_network(model)
    groups, random = network.groups(), np.random.default_rng(seed)
    out = {int(c) for group in groups for c in random.permutation(group.classes)[: len(group.classes) // 2]}
    made = narrowed(model, network, out)
    silence(model, network, out)
    for want, got in zip(answers(model), answers(made), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-4 * max(1, np.abs(want).max()))


GROUPS = {
    "plain": {("conv2d",): 16, ("conv2d_1",): 24},
    "residual": {("conv2d", "conv2d_1"): 16, ("conv2d_2",): 24, ("conv2d_3", "conv2d_4"): 32},
    "inverted_residual": {("conv2d", "conv2d_2", "conv2d_4"): 16, ("conv2d_1",): 48, ("conv2d_3",): 48},
    "multiplier": {("conv2d",): 12, ("conv2d_2",): 16},
    "dense_net": {("conv2d",): 16, ("conv2d_1",): 8, ("conv2d_2",): 8, ("conv2d_3",): 8, ("conv2d_4",): 16},
    "squeeze_excite": {("conv2d", "conv2d_1", "dense"): 16, ("conv2d_2",): 8, ("dense_1",): 12, ("conv2d_3",): 16},
    "spatial_attention": {("conv2d",): 16},
    "shared": {("conv2d",): 16, ("conv2d_1",): 16},
    "two_outputs": {("conv2d",): 16, ("conv2d_1",): 16},
    "side_by_side": {("conv2d", "conv2d_1", "conv2d_2", "conv2d_3"): 16},
}


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_layers_whose_outputs_meet_are_one_group(name: str) -> None:
    groups = keras_network(drawn(MODELS[name])).groups()
    assert {group.layers: len(group.classes) for group in groups} == GROUPS[name]


def test_a_model_that_is_a_layer_is_walked() -> None:
    groups = keras_network(drawn(MODELS["nested"])).groups()
    assert [(group.layers, len(group.classes)) for group in groups] == [
        (("conv2d_3", "block/conv2d_1"), 16), (("block/conv2d",), 24), (("tail/conv2d_2",), 16),
    ]  # fmt: skip


def own_layer() -> Any:
    class Conv2D(L.Conv2D):
        """Not what its name says."""

        def call(self, inputs: Any) -> Any:
            return super().call(inputs)[..., ::-1]

    return Conv2D(16, 3)


UNKNOWN = {
    "a layer that mixes channels": (L.LayerNormalization, "layer_normalization", "LayerNormalization"),
    "an operation": (lambda: lambda x: keras.ops.flip(x, -1), "flip", "is a Flip"),
    "a class of the user's": (own_layer, "conv2d_2", "is a Conv2D"),
    "groups": (lambda: L.Conv2D(16, 3, groups=4), "conv2d_2", "convolves in 4 groups"),
    "a softmax in between": (L.Softmax, "softmax", "is a Softmax"),
    "a softmax of a layer": (lambda: L.Conv2D(16, 3, activation="softmax"), "conv2d_2", "`softmax`, which mixes"),
    "channels as places": (lambda: L.Reshape((8, 16, 8)), "reshape", "reshapes channels together with places"),
}


def place(model: Any, name: str) -> int:
    return [item.name for item in model.operations].index(name)


@pytest.mark.parametrize("case", sorted(UNKNOWN))
def test_what_nobody_knows_keeps_its_width_and_is_named(case: str) -> None:
    make, name, words = UNKNOWN[case]

    def build() -> Any:
        i = image()
        x = unit(unit(i, 16), 16)
        return keras.Model(i, head(unit(make()(x), 16)))

    model = drawn(build)
    network = keras_network(model)
    assert words in network.stay[name]
    groups = network.groups()
    out = left_out(groups, {}, uniform(groups, 0.5, 8))
    made = narrowed(model, network, out)
    hold_against(model, made, network, out, example(model))
    widths = [item.operations[number].output.shape[-1] for item in (model, made) for number in [place(model, name)]]
    assert widths[0] == widths[1]
    assert made.count_params() < model.count_params()


@pytest.mark.parametrize("end", [lambda x: L.Softmax()(L.Dense(4)(x)), L.Dense(4, activation="softmax")])
def test_the_softmax_that_answers_needs_no_reason_to_stay(end: Any) -> None:
    def build() -> Any:
        i = image()
        return keras.Model(i, end(L.Flatten()(unit(i, 16))))

    assert not keras_network(drawn(build)).stay


def test_what_answers_by_softmax_still_tells_why_it_stays_besides() -> None:
    def build() -> Any:
        i = image()
        return keras.Model(i, L.Conv2D(16, 3, groups=4, activation="softmax")(unit(i, 16)))

    assert list(keras_network(drawn(build)).stay.values()) == ["convolves in 4 groups"]


def test_a_wrong_tie_is_refused_and_not_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgebuild.compress.prune import keras_rules

    def reversed_(met: Any) -> Any:
        found = keras_rules.places(met)
        return type(found)(found.numbers[..., ::-1], found.shape)

    monkeypatch.setitem(keras_rules.RULES, "MaxPooling2D", reversed_)
    model = drawn(MODELS["plain"])
    network = keras_network(model)
    groups = network.groups()
    out = left_out(groups, magnitudes(network, stored(network), "l2"), uniform(groups, 0.5, 8))
    with pytest.raises(Refused, match="of its range away"):
        hold_against(model, narrowed(model, network, out), network, out, example(model))


@pytest.mark.parametrize(
    ("count", "keep", "multiple", "width"),
    [(64, 0.5, 8, 32), (24, 0.5, 8, 16), (20, 0.5, 8, 8), (16, 0.25, 8, 8), (8, 0.5, 8, 8), (6, 0.5, 8, 6),
     (20, 0.95, 8, 16), (12, 0.5, 4, 8), (7, 0.5, 1, 4)],
)  # fmt: skip
def test_widths_are_multiples_and_never_below_one(count: int, keep: float, multiple: int, width: int) -> None:
    assert rounded(count, keep, multiple) == width


def test_the_work_is_that_of_the_narrower_model() -> None:
    for name in ("plain", "inverted_residual", "dense_net", "separable", "u_net"):
        model = drawn(MODELS[name])
        network = keras_network(model)
        groups = network.groups()
        widths = uniform(groups, 0.5, 4)
        made = narrowed(model, network, left_out(groups, {}, widths))
        work, after = Work(network, groups), keras_network(made)
        assert work.macs(widths) == Work(after, after.groups()).macs({})
        assert work.parameters(widths) == Work(after, after.groups()).parameters({})


def test_channels_that_weigh_nothing_go_first() -> None:
    model = drawn(MODELS["residual"])
    network = keras_network(model)
    kernel = model.get_layer("conv2d_2").kernel
    value = kernel.numpy()
    value[..., ::2] *= 1e-3
    kernel.assign(value)
    (group,) = [item for item in network.groups() if item.layers == ("conv2d_2",)]
    for criterion in ("l2", "l1"):
        scores = magnitudes(network, stored(network), criterion)
        assert left_out([group], scores, {group.name: 12}) == set(group.classes[::2])


def test_the_factor_of_a_normalisation_counts_as_part_of_the_filters() -> None:
    for name, layer, norm in (
        ("plain", "conv2d_1", "batch_normalization"),
        ("inverted_residual", "depthwise_conv2d", "batch_normalization_2"),
    ):
        model = drawn(MODELS[name])
        network: Network = keras_network(model)
        before = magnitudes(network, stored(network), "l2")
        gamma = model.get_layer(norm).gamma
        gamma.assign(gamma.numpy() * np.where(np.arange(gamma.shape[0]) == 3, 10, 1))
        after = magnitudes(network, stored(network), "l2")
        risen = [item for item in after if after[item] > 1.2 * before[item]]
        assert len(risen) == 1
        numbers = next(w.axes for w in network.sites[layer].weights if w.name == "kernel")
        assert int(network.channels.classes(list(numbers.values())[-1][1])[3]) == risen[0]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    drawn(MODELS["residual"]).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_the_account_tells_widths_work_and_what_stays(saved: Path, tmp_path: Path) -> None:
    plan_pruning(saved, tmp_path / "pruning.json", keep=0.5)
    cut_channels(saved, tmp_path / "pruning.json", tmp_path / "narrow.keras")
    account = Pruning.model_validate_json((tmp_path / "pruning.json").read_bytes())
    assert {name: (cut.before, cut.after) for name, cut in account.groups.items()} == {
        "conv2d": (16, 8), "conv2d_2": (24, 16), "conv2d_3": (32, 16),
    }  # fmt: skip
    made = load_keras(tmp_path / "narrow.keras")
    assert account.parameters[1] == made.count_params()
    assert made.input_shape == (None, 8, 8, 3) and made.output_shape == (None, 5)
    assert account.words.endswith(
        "16 of 32 channels in conv2d_3, 8 of 16 channels in conv2d, 16 of 24 channels in conv2d_2 and 2 layers more"
    )
    assert " multiplications stay (" in account.words


def test_nothing_to_leave_out_is_refused_with_the_reason(tmp_path: Path) -> None:
    drawn(lambda: keras.Sequential([L.Input((8, 8, 3)), L.Conv2D(8, 3), L.Conv2D(2, 3)])).save(tmp_path / "b.keras")
    mixed = [L.Input((8, 8, 3)), L.Conv2D(32, 3), L.LayerNormalization(name="norm"), L.Conv2D(2, 3)]
    drawn(lambda: keras.Sequential(mixed)).save(tmp_path / "a.keras")
    with pytest.raises(Refused, match="no layer can become narrower: `norm` is a LayerNormalization"):
        plan_pruning(tmp_path / "a.keras", tmp_path / "pruning.json", keep=0.5)
    with pytest.raises(Refused, match="the widest has 8 channels") as caught:
        plan_pruning(tmp_path / "b.keras", tmp_path / "pruning.json", keep=0.5)
    assert caught.value.kind == "not applicable"


def test_a_class_of_its_own_is_refused_by_name(tmp_path: Path) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = L.Dense(16)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    model(np.zeros((1, 4), np.float32))
    with pytest.raises(Refused, match="class of its own") as caught:
        keras_network(model)
    assert "keras.Model(inputs, outputs)" in caught.value.fix


@pytest.mark.parametrize("kind", ["Conv2D", "Conv1D", "Dense"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("strides", "dilation"), [(2, 1), (1, 2)])
def test_what_a_layer_reads_times_its_kernel_is_what_it_gives(
    kind: str, padding: str, strides: int, dilation: int
) -> None:
    more = {"padding": padding, "strides": strides, "dilation_rate": dilation}
    layer = L.Dense(5) if kind == "Dense" else getattr(L, kind)(5, 3, **more)
    shape = (2, 9, 3) if kind == "Conv1D" else (2, 9, 8, 3)
    x = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    y = np.asarray(layer(x)).reshape(2, -1, 5)
    np.testing.assert_allclose(laid_out(layer, x) @ layer.kernel.numpy().reshape(-1, 5), y, atol=1e-5)


def test_fitted_weights_make_up_for_most_of_what_is_gone(saved: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    base = random.normal(size=(80, 2, 2, 3)).repeat(4, 1).repeat(4, 2)
    images = (base + 0.2 * random.normal(size=(80, 8, 8, 3))).astype(np.float32)
    model = load_keras(saved)
    np.savez(tmp_path / "inputs.npz", **{model.inputs[0].name: images[:60]})
    plan_pruning(saved, tmp_path / "p.json", keep=0.5)
    cut_channels(saved, tmp_path / "p.json", tmp_path / "cut.keras")
    files = [tmp_path / name for name in ("cut.keras", "p.json", "inputs.npz", "fit.keras")]
    repair_keras(saved, *files)
    whole, cut, fit = (
        np.asarray(load_keras(file)(images[60:])) for file in (saved, tmp_path / "cut.keras", tmp_path / "fit.keras")
    )
    # On samples that nothing was fitted to.
    assert ((fit - whole) ** 2).sum() < 0.3 * ((cut - whole) ** 2).sum()


def test_sensitivity_keeps_the_work_and_leaves_the_model_as_it_is(saved: Path, tmp_path: Path) -> None:
    model, random = load_keras(saved), np.random.default_rng(4)
    np.savez(tmp_path / "inputs.npz", **{model.inputs[0].name: random.normal(size=(20, 8, 8, 3)).astype(np.float32)})
    measure_sensitivity(saved, tmp_path / "inputs.npz", tmp_path / "s.json", multiple=4)
    told = Sensitivity.model_validate_json((tmp_path / "s.json").read_bytes())
    assert told.samples == 20 and set(told.groups) == {"conv2d", "conv2d_2", "conv2d_3"}
    assert [point.channels for point in told.groups["conv2d_3"].points] == [24, 16, 8, 4]
    assert all(point.noise > 0 for group in told.groups.values() for point in group.points)
    for name, sensitivity in (("even", None), ("by", tmp_path / "s.json")):
        plan_pruning(saved, tmp_path / f"{name}.json", keep=0.5, multiple=4, sensitivity=sensitivity)
    even, by = (Pruning.model_validate_json((tmp_path / f"{name}.json").read_bytes()) for name in ("even", "by"))
    assert 0.8 * even.macs[1] < by.macs[1] <= even.macs[1]


def test_two_processes_write_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from edgebuild.compress.prune.keras_steps import cut_channels, plan_pruning\n"
        "m, p, o = map(Path, sys.argv[1:])\n"
        "plan_pruning(m, p, keep=0.5); cut_channels(m, p, o)\n"
    )
    for name in ("one", "two"):
        files = [str(tmp_path / f"{name}.{suffix}") for suffix in ("json", "keras")]
        subprocess.run([sys.executable, "-c", code, str(saved), *files], check=True, capture_output=True)
    for suffix in ("json", "keras"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    assert json.loads((tmp_path / "one.json").read_text())["spread"] == "uniform"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "MobileNet",
        "MobileNetV2",
        "MobileNetV3Small",
        "EfficientNetB0",
        "ResNet50",
        "DenseNet121",
        "Xception",
        "NASNetMobile",
    ],
)
def test_networks_of_keras_become_a_quarter(name: str) -> None:
    side = 96 if name == "Xception" else 64
    make = getattr(keras.applications, name)
    model = drawn(lambda: make(input_shape=(side, side, 3), weights=None, classes=10))
    network = keras_network(model)
    groups = network.groups()
    widths = uniform(groups, 0.5, 8)
    out = left_out(groups, magnitudes(network, stored(network), "l2"), widths)
    made = narrowed(model, network, out)
    hold_against(model, made, network, out, example(model))
    work = Work(network, groups)
    assert work.macs(widths) < 0.36 * work.macs({})
    assert work.parameters({}) - work.parameters(widths) == model.count_params() - made.count_params()
