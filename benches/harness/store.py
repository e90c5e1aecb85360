"""The log on disk, read without the program."""

import json
from pathlib import Path
from typing import Any

from pyarrow import concat_tables, parquet

from .errors import Missing


def branch_folder(store: Path) -> Path:
    """The folder of the only branch of a store."""
    folders = list((store / "branches").glob("branch=*"))
    if len(folders) != 1:
        raise Missing(f"expected one branch in {store / 'branches'}, found {len(folders)}")
    return folders[0]


def definition(store: Path) -> dict[str, Any]:
    """What the only branch of a store trains."""
    return json.loads((branch_folder(store) / "branch.json").read_text(encoding="utf-8"))["definition"]


def table_bytes(store: Path) -> dict[str, int]:
    """The size of every table's folder; loose files under "(other files)"."""
    sizes: dict[str, int] = {}
    branch = branch_folder(store)
    for path in branch.rglob("*"):
        if path.is_file():
            parts = path.relative_to(branch).parts
            table = parts[0] if len(parts) > 1 else "(other files)"
            sizes[table] = sizes.get(table, 0) + path.stat().st_size
    return sizes


def step_columns(store: Path, *columns: str) -> list[list[float]]:
    """Columns of the table `steps`, ordered by step, from step 0."""
    files = sorted((branch_folder(store) / "steps").glob("*.parquet"))
    if not files:
        raise Missing(f"no Parquet file in {branch_folder(store) / 'steps'}")
    table = concat_tables(parquet.read_table(file, columns=["step", *columns]) for file in files).sort_by("step")
    if table["step"].to_pylist() != list(range(len(table))):
        raise Missing(f"the table steps in {branch_folder(store)} has not every step once")
    return [table[column].to_pylist() for column in columns]
