"""What a user downloads: the front end's bundles and the wheel, in bytes (gzip for the bundles).

    python tests/bench/sizes.py

Builds the wheel from the working tree; what is loaded only with a chart (vega) is told apart.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Print one JSON line."""
    static = ROOT / "mlops_lab" / "_labextension" / "static"
    scripts = sorted(static.glob("*.js"), key=lambda file: file.stat().st_size, reverse=True)
    packed = {file.name: len(gzip.compress(file.read_bytes())) for file in scripts}
    vega = [
        file for file in scripts if b"vega" in file.read_bytes() and file.stat().st_size > 200_000
    ]
    views = {
        file.name: file.stat().st_size
        for file in sorted((ROOT / "mlops_lab" / "_static").iterdir())
    }
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "uv",
                "build",
                "--quiet",
                "--wheel",
                "--no-build-isolation",
                "--python",
                sys.executable,
                "--out-dir",
                folder,
                str(ROOT),
            ],
            check=True,
        )
        wheel = next(Path(folder).glob("*.whl")).stat().st_size
    print(
        json.dumps(
            {
                "bench": "sizes",
                "bundle_bytes": sum(file.stat().st_size for file in scripts if file not in vega),
                "bundle_gzip_bytes": sum(packed[file.name] for file in scripts if file not in vega),
                "vega_bytes": sum(file.stat().st_size for file in vega),
                "views_bytes": views,
                "wheel_bytes": wheel,
            }
        )
    )


if __name__ == "__main__":
    main()
