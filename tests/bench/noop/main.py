"""A build of many small specs through the product's own engine: stamp, remembered plans, walk, store.

Usage: `python main.py SPECS STORE [--no-fast-path]`, as its own process; prints how many steps ran.
"""

import os
import sys


def main() -> None:
    argv = ["build", *sys.argv[1:]]
    if "--no-fast-path" not in argv and "--plan" not in argv:
        from edgebuild.stamps import recall

        found = recall(argv)
        if found:
            os.write(1, found[1])
            os._exit(found[0])
    import gc

    from edgebuild.entry import SELDOM

    gc.set_threshold(*SELDOM)
    sys.stdout.flush()
    walk(argv)
    sys.stdout.flush()
    os._exit(0)


def walk(argv):
    from pathlib import Path

    from edgebuild.core.graph import Graph
    from edgebuild.engine.build import Options, build
    from edgebuild.engine.remembered import Remembered
    from edgebuild.engine.seal import Said, begin, seal
    from edgebuild.engine.store import Store

    folder, store = Path(argv[1]), Store(Path(argv[argv.index("--store") + 1]))
    remembered = Remembered(store)
    began = begin(store)
    remembered.witness.young_after = began.young_after
    with remembered.witness.frame() as frame:
        graph = Graph()
        for name in sorted(os.listdir(folder)):  # noqa: PTH208
            if name.endswith(".edge.yaml"):
                file = folder / name
                remembered.part(str(file), graph, lambda part, file=file: make(part, file))
        if "--plan" in argv:
            from edgebuild.engine.states import states

            sys.stdout.write(f"{len(states(graph, store, str(folder)))} steps\n")
            return
        with build(graph, store, Options(jobs=2, workspace=str(folder))) as results:
            text = f"{results.ran} steps ran, {results.hits} were up to date.\n"
    if not results.ran:
        seal(store, argv, frame.sightings, results, Said(0, text, ""), began)
    sys.stdout.write(text)
    store.close()


def make(part, file):
    from edgebuild import documents
    from edgebuild.data.sources import digest_path
    from tests.bench.noop.steps import Add, Read

    value = documents.read(file).value
    source = file.parent / value["source"]
    a = part.add(Read(path=str(source), digest=digest_path(source), parameter=value["parameter"]), f"{file.stem}: a")
    b = part.add(Add(word="b" + value["name"], inputs=(a,)), f"{file.stem}: b")
    c = part.add(Add(word="c", inputs=(b,)), f"{file.stem}: c")
    d = part.add(Add(word="d", inputs=(b,)), f"{file.stem}: d")
    part.want(value["name"], part.add(Add(word="e", inputs=(c, d)), f"{file.stem}: e"))
    return {"name": value["name"]}


main()
