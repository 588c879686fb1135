"""`search:` of a candidate: the best networks of a space, as candidates like any other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, FiniteFloat, model_validator

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.compress.quantize.stage import SLOTS
from edgebuild.compress.search.architecture.space import Axes, usual
from edgebuild.compress.search.front import add_search, finalist
from edgebuild.compress.train.ground import Ground
from edgebuild.compress.train.settings import Duration, Loss
from edgebuild.compress.train.stage import FRESH
from edgebuild.core.graph import Lowering
from edgebuild.core.versions import version_of
from edgebuild.errors import Refused, did_you_mean

SPACES = ("mobilenet", "ds-cnn")
"""Built-in ones (see `builtin.py`)."""
MOST_S = 20 * 60.0


def _ascending(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must name each value once")
    return tuple(sorted(values))


Width = Annotated[FiniteFloat, Field(gt=0, le=8)]
Depth = Annotated[int, Field(ge=1, le=200)]
Kernel = Annotated[int, Field(ge=1, le=31)]
Rows = Annotated[int, Field(ge=4, le=4096)]
Each = AfterValidator(_ascending)


class SearchSpace(Stage):
    """Search the networks of a space for the front of speed on the target and metric; needs a `train` split.

    Trials train on most of `train` and are scored on the rest, which no other trial learns from either.
    """

    space: str
    """`mobilenet` or `ds-cnn` for classifiers, or `nas.py:build`: a function that gets a mapping of `width`, `depth`,
    `kernel` and `resolution`, as far as they are declared here, and returns a Keras model with the interface of the
    source."""
    widths: Annotated[tuple[Width, ...], Each] = ()
    """Multipliers of the channels."""
    depths: Annotated[tuple[Depth, ...], Each] = ()
    """Blocks, or whatever the builder counts."""
    kernels: Annotated[tuple[Kernel, ...], Each] = ()
    """Sides of the kernels."""
    resolution: Annotated[tuple[Rows, ...], Each] = ()
    """Rows that pictures are resized to inside the network; that of the samples where left out."""
    trials: int = Field(default=20, ge=1, le=10_000)
    """Networks at most."""
    epochs: int = Field(default=3, ge=1, le=100_000)
    """Of a network that stays in the race; a hopeless one is left after a third, or a ninth, of them."""
    time: Duration | None = None
    """After which no new trial begins: `1 h`; 20 min where left out."""
    batch: int | None = Field(default=None, ge=1, le=1_000_000)
    """Samples of one step; that of `train:` where left out."""
    learning_rate: FiniteFloat | None = Field(default=None, gt=0)
    """Of Adam; that of `train:` where left out."""
    loss: Loss | None = None
    """`auto` asks the model's last activation and the labels."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of weights, of what is tried next, of what is held out."""

    @model_validator(mode="after")
    def _known(self) -> SearchSpace:
        if ":" not in self.space and self.space not in SPACES:
            known = ", ".join(f"`{name}`" for name in SPACES)
            near = did_you_mean(self.space, SPACES)
            raise ValueError(f"must have as `space` {known} or `file.py:function`, got `{self.space}`{near}")
        if self.space not in SPACES and not self.axes.declared():
            raise ValueError("must declare choices: add `widths`, `depths`, `kernels` or `resolution`")
        return self

    @property
    def axes(self) -> Axes:
        """What is declared; of a built-in space its own where nothing is."""
        said = {"width": self.widths, "depth": self.depths, "kernel": self.kernels, "resolution": self.resolution}
        mine = usual(self.space).declared() if self.space in SPACES else {}
        return Axes.model_validate({**mine, **{name: values for name, values in said.items() if values}})

    @property
    def seconds(self) -> float:
        """After which no new trial begins."""
        return MOST_S if self.time is None else self.time

    @property
    def slots(self) -> int:
        """Members of the front that become candidates."""
        return min(SLOTS, self.trials, self.axes.size())

    @property
    def splits(self) -> tuple[str, ...]:
        """See `Stage`."""
        return ("train",)

    @property
    def functions(self) -> dict[str, str]:
        """See `Stage`."""
        return {} if self.space in SPACES else {"space": self.space}

    def settled(self, training: Any) -> Stage:
        """With the spec's `train:` where nothing is said here."""
        own = {name: getattr(self, name) or getattr(training, name) for name in ("batch", "learning_rate", "loss")}
        return self.model_copy(update=own)

    def describe(self) -> str:
        """`search mobilenet networks, 20 trials of 3 epochs, at most 20 min`."""
        named = f"{self.space} networks" if self.space in SPACES else f"networks of your own {self.space}"
        trials = f"{min(self.trials, self.axes.size())} trials of {self.epochs} epochs"
        return f"search {named}, {trials}, at most {self.seconds / 60:g} min"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:
        """Add the search, and the member of its front that the draft is to become.

        Raises:
            Refused: optuna is missing, no route leads from Keras to the target, the spec has no samples or metric.
        """
        from edgebuild.compress.search.architecture.search import SearchArchitecture, SearchArchitectureTimed

        if version_of("optuna") is None:
            fix = 'pip install "edgebuild[search]"'
            raise Refused(by="search", why="it needs optuna, not installed here.", fix=fix, kind="not applicable")
        ground: Ground = to.training
        halves = ground.halves(self.seed)
        clock = to.clock if target.times_drafts else None
        kind = SearchArchitectureTimed if clock else SearchArchitecture
        search = kind(
            reference=draft.model,
            facts=ground.facts(),
            halves=halves,
            judge=ground.examiner(halves),
            lane=ground.lane(draft.format),
            call=target.call(),
            clock=clock,
            space=self.space,
            code=None if self.space in SPACES else to.code(self.space),
            axes=self.axes,
            slots=self.slots,
            trials=self.trials,
            epochs=self.epochs,
            seconds=self.seconds,
            batch=self.batch or 32,
            learning_rate=self.learning_rate or FRESH,
            loss=self.loss or "auto",
            seed=self.seed,
        )
        front, model = add_search(to, draft, search, "search architectures", "model.keras")
        means, superlative = ("time", "fastest") if clock else ("multiplications", "smallest")
        words = f"{self.describe()}, ranked by {means}: {finalist(draft.slot, superlative)}"
        return draft.taken(front, ground.student(model), words).model_copy(update={"format": "keras"})
