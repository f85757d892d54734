"""Change numbers in model files at random, load them, use them: run as a process of its own.

    python mutate.py FOLDER SEED COUNT

A change that is let through must be harmless: were it not, this process would crash.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from scipy import sparse
from sklearn import cluster, ensemble, neighbors, svm, tree

from mlops_lab.errors import LabError
from mlops_lab.registry.flavors import FLAVORS
from mlops_lab.registry.package import load_file

EXTREMES = (-1, 0, 1, 2, 3, 7, -7, 100, 10**6, 2**31 - 1, 2**31, -(2**31), 2**33, 2**63 - 1)
USES = ("predict", "decision_function", "apply", "decision_path", "kneighbors")


def models() -> tuple[dict[str, Any], np.ndarray]:
    """Models whose compiled code follows what they hold."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(90, 4))
    features[:, 2] = np.abs(features[:, 2] * 4).astype(int)
    classes = np.digitize(features[:, 0], [-0.5, 0.5])
    made: dict[str, Any] = {
        "tree": tree.DecisionTreeClassifier(max_depth=4),
        "isolation": ensemble.IsolationForest(n_estimators=3, max_features=2),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=2),
        "histogram": ensemble.HistGradientBoostingClassifier(
            max_iter=3, min_samples_leaf=3, categorical_features=[2]
        ),
        "svc": svm.SVC(),
        "svr": svm.NuSVR(kernel="poly"),
        "one-class": svm.OneClassSVM(),
        "neighbours": neighbors.KNeighborsClassifier(algorithm="kd_tree", leaf_size=10),
        "labels": neighbors.KNeighborsClassifier(algorithm="brute"),
        "centres": cluster.KMeans(3, n_init=1),
    }
    fitted = {name: model.fit(features, classes) for name, model in made.items()}
    fitted["sparse-svc"] = svm.SVC().fit(sparse.csr_matrix(features), classes)
    return fitted, features


def integers(state: Any) -> list[dict[str, Any]]:
    """The whole numbers and flags of a schema, except how many jobs there are to be."""
    found, stack = [], [("", state)]
    while stack:
        key, part = stack.pop()
        if isinstance(part, dict):
            is_scalar = part.get("__loader__") == "JsonNode" and key not in ("n_jobs", "verbose")
            if is_scalar and isinstance(json.loads(part["content"]), int):
                found.append(part)
            stack.extend(part.items())
        elif isinstance(part, list):
            stack.extend((key, item) for item in part)
    return found


def mutated(members: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    """A copy with one number changed, in the schema or in an array, or one array cut."""
    members = dict(members)
    arrays = sorted(name for name in members if name.endswith(".npy"))
    if chance.random() < 0.3:
        schema = json.loads(members["schema.json"])
        scalar = chance.choice(integers(schema))
        flipped = {"true": "false", "false": "true"}.get(scalar["content"])
        scalar["content"] = flipped or str(chance.choice(EXTREMES))
        members["schema.json"] = json.dumps(schema).encode()
        return members
    name = chance.choice(arrays)
    array = np.load(io.BytesIO(members[name]))
    field = chance.choice(array.dtype.names) if array.dtype.names else None
    value = chance.choice((*EXTREMES, len(array) if array.ndim else 1))
    if array.ndim and chance.random() < 0.3:
        array = array[: chance.choice((0, 1, max(0, len(array) - 1)))].copy()
    elif array.size and array.dtype.kind in "iufbV":
        flat = (array[field] if field else array).reshape(-1)
        with np.errstate(all="ignore"), suppress(OverflowError):
            flat[chance.randrange(len(flat))] = np.array(value).astype(flat.dtype)
        if not field:
            array = flat.reshape(array.shape)
    buffer = io.BytesIO()
    np.save(buffer, array)
    members[name] = buffer.getvalue()
    return members


def main(folder: Path, seed: int, count: int) -> None:
    """Print how many were refused and how many were used."""
    warnings.simplefilter("ignore")
    made, features = models()
    refused = used = 0
    for name, model in made.items():
        chance = random.Random(f"{name}{seed}")
        with ZipFile(io.BytesIO(FLAVORS["sklearn"].pack(model).data)) as packed:
            members = {member: packed.read(member) for member in packed.namelist()}
        for _ in range(count):
            path = folder / "model.skops"
            with ZipFile(path, "w") as archive:
                for member, content in mutated(members, chance).items():
                    archive.writestr(member, content)
            try:
                changed = load_file(path)
            except LabError:
                refused += 1
                continue
            used += 1
            for use in USES:
                # Whatever Python itself notices is no crash.
                with suppress(Exception):
                    getattr(changed, use)(features)
    print(json.dumps({"refused": refused, "used": used}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
