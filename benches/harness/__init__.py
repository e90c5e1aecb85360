"""What the measurements share: the program, its peers, the images, the tables."""

import sys
from importlib.util import find_spec

missing = [name for name in ("numpy", "pyarrow", "torch") if find_spec(name) is None]
if missing:
    sys.exit(
        f"{sys.executable} lacks {', '.join(missing)}: run benches/setup.sh once, "
        f"then `benches/.peers/venv/bin/python {sys.argv[0]}`"
    )
