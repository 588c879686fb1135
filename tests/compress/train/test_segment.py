"""Segments of a training: what they learn, that they repeat, that they go on, what they hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.train.segment import LOG, MODEL, STATE
from edgebuild.compress.train.zeros import KeepZeros
from edgebuild.data.usercode import resolve
from edgebuild.errors import Refused, UserCodeError
from tests.compress.train.conftest import Shed, accuracy, how, loaded, network, samples


def test_learns_what_the_labels_say(shed: Shed) -> None:
    done = shed.train(how(rates=(1e-2,) * 4))
    # Chance is a third; a bright quarter is easy to see.
    assert accuracy(loaded(done)) > 0.9
    log = json.loads((done / LOG).read_text())
    losses = [epoch["loss"] for epoch in log["epochs"]]
    assert len(losses) == 4
    assert losses[-1] < 0.5 * losses[0]
    assert log["seconds"] > 0


def test_one_seed_gives_the_same_bytes_and_another_seed_others(shed: Shed) -> None:
    shed.save(network(dropout=0.4, normalized=True))
    first, again, other = shed.train(how()), shed.train(how()), shed.train(how(seed=1))
    for name in (MODEL, STATE):
        assert (first / name).read_bytes() == (again / name).read_bytes()
        assert (first / name).read_bytes() != (other / name).read_bytes()


def test_goes_on_where_the_segment_before_ended(shed: Shed) -> None:
    one = shed.train(how())
    two = shed.train(how(first=2), model=one / MODEL, state=one / STATE)
    with np.load(two / STATE) as state:
        # Adam counts its steps: 192 samples in batches of 32, for four epochs.
        assert state["optimizer/0000"] == 4 * 6
    fresh = shed.train(how(first=2), model=one / MODEL)
    with np.load(fresh / STATE) as state:
        assert state["optimizer/0000"] == 2 * 6
    assert (two / MODEL).read_bytes() != (fresh / MODEL).read_bytes()


def test_each_epoch_has_its_rate(shed: Shed) -> None:
    still = shed.train(how(rates=(3e-3, 0.0, 0.0)))
    short = shed.train(how(rates=(3e-3,)))
    # No step at a rate of zero moves a weight.
    assert (still / MODEL).read_bytes() == (short / MODEL).read_bytes()


def test_pruned_weights_stay_zero_and_the_others_move(shed: Shed) -> None:
    model = network()
    kernel = np.array(model.get_layer("conv").get_weights()[0])
    kernel[np.abs(kernel) < np.median(np.abs(kernel))] = 0
    model.get_layer("conv").set_weights([kernel, model.get_layer("conv").get_weights()[1]])
    shed.save(model)
    held = loaded(shed.train(how(constraints=(KeepZeros(),)))).get_layer("conv").get_weights()[0]
    free = loaded(shed.train(how())).get_layer("conv").get_weights()[0]
    assert (held[kernel == 0] == 0).all()
    assert (held[kernel != 0] != kernel[kernel != 0]).mean() > 0.9
    assert (free[kernel == 0] != 0).mean() > 0.9


def test_a_kernel_of_nothing_but_zeros_is_no_pruned_one(shed: Shed) -> None:
    model = network()
    last = model.get_layer("scores")
    last.set_weights([np.zeros_like(last.get_weights()[0]), last.get_weights()[1]])
    shed.save(model)
    assert (loaded(shed.train(how(constraints=(KeepZeros(),)))).get_layer("scores").get_weights()[0] != 0).any()


def test_averages_of_a_short_training_are_those_of_its_weights(shed: Shed) -> None:
    shed.save(network(normalized=True))
    done = loaded(shed.train(how(rates=(1e-2,) * 3)))
    # 18 steps leave 83 % of what an average with a momentum of 0.99 began with: nothing would be right by it.
    assert accuracy(done) > 0.85


def test_only_trusted_labels_are_learned_from(shed: Shed) -> None:
    wrong = np.arange(192) % 2 == 0
    labels = np.load(shed.samples / "labels.npz")["label"].copy()
    labels[wrong] = (labels[wrong] + 1) % 3
    tags = {"checked": tuple(not item for item in wrong.tolist())}
    mixed = samples(shed.folder / "mixed", labels={"label": labels}, tags=tags)
    rates = (1e-2,) * 6
    trusting = accuracy(loaded(shed.train(how(rates=rates), samples=mixed)))
    careful = accuracy(loaded(shed.train(how(rates=rates, labelled={"checked": True}), samples=mixed)))
    assert careful > trusting + 0.1


def test_nobody_with_the_tags_is_refused(shed: Shed) -> None:
    with pytest.raises(Refused, match="no sample of `train` has the tags `checked: True`"):
        shed.train(how(labelled={"checked": True}))


def test_a_training_that_diverges_is_refused_with_its_epochs(shed: Shed) -> None:
    shed.save(network("linear"))
    labels = {"label": np.full((192, 3), 1e30, np.float32)}
    with pytest.raises(Refused, match=r"NaN or infinite in epochs 1 to 2 at a learning rate of 1e\+30") as caught:
        shed.train(how(rates=(1e30, 1e30), loss="mse"), samples=samples(shed.folder / "huge", labels=labels))
    assert caught.value.fix == "Lower `learning_rate`."


def hook(shed: Shed, body: str) -> Any:
    """A function of the user's, in a tree of his own."""
    tree = shed.folder / "tree"
    tree.mkdir(exist_ok=True)
    (tree / "train.py").write_text(f"import numpy as np\n\n\ndef fit(model, data, context):\n{body}")
    return resolve(tree, "train.py:fit")


PLAIN = "    model.fit(data.x, data.y, batch_size=context.batch, epochs=context.epochs, verbose=0)\n    return model\n"


def test_a_hook_that_does_what_we_do_gives_what_we_give(shed: Shed) -> None:
    shed.save(network(normalized=True))
    ours, own = shed.train(how()), shed.train(how(total=2), hook(shed, PLAIN))
    assert (ours / MODEL).read_bytes() == (own / MODEL).read_bytes()


def test_a_hook_sees_how_much_is_to_do(shed: Shed) -> None:
    body = (
        "    assert (context.first, context.epochs, context.total) == (4, 2, 9), context\n"
        "    assert data.x.shape == (192, 8, 8, 1) and data.ids[0] == 's0' and len(data) == 192\n"
        "    assert data.validation.x.shape == (40, 8, 8, 1) and data.validation.y.shape == (40,)\n" + PLAIN
    )
    held_out = samples(shed.folder / "select", 40, 5)
    shed.train(how(first=4, total=9), hook(shed, body), validation=held_out)


def test_a_hook_may_bring_its_optimizer_which_goes_on_in_the_next_segment(shed: Shed) -> None:
    body = "    import keras\n    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), model.loss)\n" + PLAIN
    fit = hook(shed, body)
    one = shed.train(how(total=4), fit)
    two = shed.train(how(first=2, total=4), fit, model=one / MODEL, state=one / STATE)
    with np.load(two / STATE) as state:
        assert state["optimizer/0000"] == 4 * 6
        # As the hook says, not as our own schedule would.
        assert state["optimizer/0001"] == np.float32(0.05)
    assert accuracy(loaded(two)) > 0.8


def test_layers_that_a_hook_freezes_stay_and_the_others_are_trained_as_before(shed: Shed) -> None:
    fit = hook(shed, "    model.get_layer('conv').trainable = False\n    model.compile()\n" + PLAIN)
    one = shed.train(how(total=4), fit)
    two = shed.train(how(first=2, total=4), fit, model=one / MODEL, state=one / STATE)
    before, after = network(), loaded(two)
    assert all(map(np.array_equal, before.get_layer("conv").get_weights(), after.get_layer("conv").get_weights()))
    losses = [json.loads((part / LOG).read_text())["epochs"][-1]["loss"] for part in (one, two)]
    assert losses[1] < losses[0]
    with np.load(two / STATE) as state:
        # Our Adam, of what is trained alone: its steps, its rate, two moments of a kernel and of a bias.
        assert len(state.files) == 6
        assert (state["optimizer/0000"], state["optimizer/0001"]) == (4 * 6, np.float32(3e-3))


def test_what_a_recipe_holds_stays_held_under_a_hook(shed: Shed) -> None:
    model = network()
    kernel = np.array(model.get_layer("conv").get_weights()[0])
    kernel[..., :8] = 0
    model.get_layer("conv").set_weights([kernel, model.get_layer("conv").get_weights()[1]])
    shed.save(model)
    body = "    model.compile('sgd', 'sparse_categorical_crossentropy')\n" + PLAIN
    after = loaded(shed.train(how(total=2, constraints=(KeepZeros(),)), hook(shed, body)))
    assert (after.get_layer("conv").get_weights()[0][..., :8] == 0).all()


def test_what_a_hook_raises_is_shown_at_its_line(shed: Shed) -> None:
    with pytest.raises(UserCodeError) as caught:
        shed.train(how(total=2), hook(shed, "    rate = context.epochs\n    return model.fitt(data.x)\n"))
    (problem,) = caught.value.problems
    assert problem.span is not None
    assert (problem.span.file, problem.span.line) == ("train.py", 6)
    assert "return model.fitt(data.x)" in problem.span.text
    assert "has no attribute 'fitt'" in problem.what


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("    model.fit(data.x, data.y, verbose=0)\n", "returned NoneType, no model."),
        (
            "    import keras\n    return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])\n",
            "returned a model whose weights have other shapes than those of the model it was given.",
        ),
    ],
)
def test_a_hook_that_gives_no_such_model_is_told(shed: Shed, body: str, what: str) -> None:
    with pytest.raises(UserCodeError) as caught:
        shed.train(how(total=2), hook(shed, body))
    assert caught.value.problems[0].what == what
    assert caught.value.problems[0].where == "train.py:fit"


def test_a_copy_that_a_hook_returns_goes_on(shed: Shed) -> None:
    body = (
        "    import keras\n    copy = keras.models.clone_model(model)\n    model.fit(data.x, data.y, verbose=0)\n"
        "    copy.set_weights([0.5 * item for item in model.get_weights()])\n    return copy\n"
    )
    whole = loaded(shed.train(how(total=2), hook(shed, body.replace("0.5", "1.0"))))
    half = loaded(shed.train(how(total=2), hook(shed, body)))
    for a, b in zip(whole.get_weights(), half.get_weights(), strict=True):
        np.testing.assert_allclose(b, 0.5 * a, rtol=1e-6)
