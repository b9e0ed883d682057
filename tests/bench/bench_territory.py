"""Making a whole territory: `python tests/bench/bench_territory.py`. Bound: 30 s at scale 1."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from engine.catalogue import load_catalogue
from engine.inventory.territory import load_territory, save_territory
from twin.territory import generate

BOUND_S = 30.0
REFERENCE = Path(__file__).resolve().parents[2] / "datasets" / "reference"


def main() -> int:
    """Print seconds beside the bound; 1 when it is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    catalogue = load_catalogue(REFERENCE / "catalogue.yaml")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        territory = generate(scale, 1, reference=REFERENCE)
        made = time.perf_counter()
        save_territory(territory, Path(folder))
        saved = time.perf_counter()
        load_territory(Path(folder), catalogue)
        loaded = time.perf_counter()
    made_s = made - began
    print(
        f"territory generate --scale {scale:g}: {len(territory.assets):,} assets in {made_s:.2f} s (bound {BOUND_S} s)"
    )
    print(f"  saved in {saved - made:.2f} s, loaded and checked in {loaded - saved:.2f} s")
    return int(made_s > BOUND_S * scale)


if __name__ == "__main__":
    sys.exit(main())
