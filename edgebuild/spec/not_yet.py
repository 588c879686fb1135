"""Keys and values of the language whose work has not come yet: known, never accepted in silence, with a way out."""

from __future__ import annotations

KEYS: dict[str, dict[str, tuple[str, str]]] = {
    "Written": {
        "serve": (
            "configurations of model servers",
            "Take the model from the package and write the server's own file.",
        ),
        "waivers": ("waivers", "Remove it; move the budget, or accept the verdict on the command line."),
    },
    "InterfaceInput": {
        "layout": ("other layouts", "Let the loader yield the layout that the model takes."),
        "rate": ("audio", "Let the loader yield what the model takes, and leave the input out here."),
        "vocabulary": ("text", "Let the loader yield what the model takes, and leave the input out here."),
    },
    "PackageSection": {
        "licences": ("checks of licences", "Remove it; put the licence among `files`."),
    },
    "Target": {
        "scenario": ("scenarios", "Remove it; latency is of one sample at a time."),
        "bake": ("baking pre- and postprocessing into the model", "Do it in the product, as `interface` says."),
        "io": ("other types at the model's ends for this runtime", "Remove it; inputs and outputs keep their types."),
        "minimum_os": ("minimum versions of a system", "Remove it."),
        "provenance": ("provenance options", "Remove it."),
        "serve": (
            "configurations of model servers",
            "Take the model from the package and write the server's own file.",
        ),
    },
    "Candidate": {
        "cluster": (
            "weight clustering",
            "Cluster in a script of your own and name its model: `{source: clustered.onnx}`.",
        ),
    },
    "Device": {
        "power_mode": ("power modes of a device", "Set it on the device, and give the name alone: `device: NAME`."),
        "condition": ("conditions of a device", "Set it on the device, and give the name alone: `device: NAME`."),
    },
    "Runtime": {
        "version": ("pinning a runtime's version", "Give the name alone; the installed version stands in the lock."),
    },
}
"""Class of a section, or a word of ours, to key, what it is, and what to do until then."""

VALUES: dict[str, tuple[str, str]] = {
    "int2": ("2-bit weights", "Use `int8`, `float16` or `dynamic`."),
    "int16": ("16-bit activations", "Use `int8`, `float16` or `dynamic`."),
    "bfloat16": ("bfloat16", "Use `float16`."),
    "audio": ("audio interfaces", "Let the loader yield what the model takes, and leave the input out here."),
    "text": ("text interfaces", "Let the loader yield what the model takes, and leave the input out here."),
    "video": ("video interfaces", "Let the loader yield what the model takes, and leave the input out here."),
}
"""Value, wherever it stands in place of one that is known."""


def later_keys(section: type | str) -> dict[str, tuple[str, str]]:
    """The keys of a section whose work has not come."""
    names = [section] if isinstance(section, str) else [item.__name__ for item in section.__mro__]
    return {key: words for name in names for key, words in KEYS.get(name, {}).items()}
