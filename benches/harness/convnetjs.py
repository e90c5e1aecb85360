"""ConvNetJS as a peer, in one Node.js process that stays for all rounds."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from .errors import Missing
from .images import Images

SCRIPT = Path(__file__).with_name("convnetjs.js")


class ConvNetJs:
    """A Node.js process that trains when it is asked to; a context manager."""

    def __init__(self, peers: Path, images: Images) -> None:
        self.node = shutil.which("node")
        if self.node is None:
            raise Missing("Node.js is missing: install it, or give --skip convnetjs")
        self.module = peers / "node_modules" / "convnetjs"
        if not self.module.is_dir():
            raise Missing(f"ConvNetJS is not at {self.module}: run benches/setup.sh, or give --skip convnetjs")
        self.records = images.records()

    def version(self) -> str:
        """Of the package, and of Node.js."""
        package = json.loads((self.module / "package.json").read_text())
        node = subprocess.run([self.node, "--version"], stdout=subprocess.PIPE, text=True, check=True)
        return f"ConvNetJS {package['version']} on Node.js {node.stdout.strip()}"

    def __enter__(self) -> "ConvNetJs":
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            file.write(self.records)
            file.flush()
            command = [self.node, SCRIPT, self.module, file.name]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            # The file is no longer needed once its images have been read.
            self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def images_per_second(self, batch_size: int, seconds: float) -> float:
        """Whole batches for at least `seconds`, after a few images that are not counted."""
        self.process.stdin.write(json.dumps({"batch": batch_size, "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        measured = self._answer()
        return measured["images"] / measured["seconds"]

    def _answer(self) -> dict[str, float]:
        line = self.process.stdout.readline()
        if not line:
            raise Missing(f"node {SCRIPT} ended with exit code {self.process.wait()}; its message is above")
        return json.loads(line)
