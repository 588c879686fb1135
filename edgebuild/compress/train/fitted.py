"""The Keras model that is trained: the candidate's own layers, with the parts of the loop attached to them.

Imported late itself, by the step that trains.
"""

from __future__ import annotations

from typing import Any

import keras

from edgebuild.compress.train.course import FEATURES, LABEL, TEACHER, WEIGHT, Course, restore, taught


class Fitted(keras.Model):  # type: ignore[misc]
    """Shares its layers with the model it is made of; the loss has the teacher's part, steps end in constraints."""

    def __init__(self, inner: Any, course: Course) -> None:
        # A file saved with a list of one output says a list, which no loss takes for a tensor.
        outputs = inner.outputs[0] if len(inner.outputs) == 1 else inner._outputs_struct
        super().__init__(inputs=inner._inputs_struct, outputs=outputs, name=inner.name)
        self.course = course
        if course.lessons is not None and course.lessons.features:
            names = [pair.student for pair in course.lessons.features]
            layers = {name: inner.get_layer(name).output for name in names}
            # Outside the attributes that Keras tracks: it has the same layers.
            self.__dict__["within"] = keras.Model(inner._inputs_struct, [outputs, layers])

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs; values of layers that a teacher looks at are kept for the loss of the same batch."""
        within = self.__dict__.get("within")
        if within is None or not training:
            return super().call(inputs, training=training, mask=mask)
        outputs, values = within(inputs, training=training)
        self.course.values = values
        return outputs

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """(1 − alpha) · the compiled loss + alpha · the teacher's + the layers' own regularization."""
        if not taught(y):
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        lessons = self.course.lessons
        assert lessons is not None
        regular = keras.ops.sum(keras.ops.stack(self.losses)) if self.losses else 0.0
        soft = lessons.of_outputs(y[TEACHER], y_pred)
        if FEATURES in y and training:
            soft = soft + lessons.of_features(y[FEATURES], self.course.values)
        if lessons.alpha == 1:
            # The labels say nothing, and there may be no loss for them.
            return soft + regular
        weight = y.get(WEIGHT)
        task = super().compute_loss(x, y[LABEL], y_pred, sample_weight if weight is None else weight, training)
        return (1 - lessons.alpha) * (task - regular) + lessons.alpha * soft + regular

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Of the labels."""
        return super().compute_metrics(x, y[LABEL] if taught(y) else y, y_pred, sample_weight)

    def train_step(self, data: Any) -> Any:
        """Keras' own step, then the constraints."""
        logs = super().train_step(data)
        for constraint in self.course.constraints:
            constraint.after_batch()
        return logs

    def compile(
        self, optimizer: Any = None, loss: Any = None, loss_weights: Any = None, metrics: Any = None, **options: Any
    ) -> None:
        """As Keras does, and the optimizer goes on where one of its kind ended; what is left out stays as it was.

        Metrics go with the loss. An optimizer that stays is made anew: its state is that of what is trained, which may
        be less now.
        """
        if optimizer is None and self.optimizer is not None:
            optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
            if self.optimizer is self.course.ours:
                self.course.ours = optimizer
        if loss is None and self.compiled:
            loss = self.loss
            metrics = self.course.metrics if metrics is None else metrics
        super().compile(optimizer or "rmsprop", loss, loss_weights, metrics, **options)
        self.course.metrics = metrics
        if self.optimizer is not None and self.course.earlier:
            restore(self.optimizer, self.trainable_variables, self.course.earlier)

    def fit(self, *arguments: Any, **options: Any) -> Any:
        """As Keras does, with the learning rate of each epoch where the optimizer is ours."""
        given = options.pop("callbacks", None) or []
        given = list(given) if isinstance(given, list | tuple) else [given]
        return super().fit(*arguments, callbacks=[EachEpoch(self), *given], **options)


class EachEpoch(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate, and notes what Keras says of the epoch."""

    def __init__(self, fitted: Any) -> None:
        super().__init__()
        self.fitted, self.course = fitted, fitted.course

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' signature
        """The rate of the epoch, counted by ourselves: a hook may begin at any number."""
        done = len(self.course.epochs)
        if self.fitted.optimizer is self.course.ours and done < len(self.course.rates):
            self.fitted.optimizer.learning_rate = self.course.rates[done]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Loss and metrics."""
        self.course.epochs.append({name: float(value) for name, value in (logs or {}).items()})
