"""Load one workload by its name without importing all the others."""

from __future__ import annotations

import importlib
import importlib.util

from nuclei.workloads.base import WorkloadEntry


def load(name: str) -> WorkloadEntry:
    """The workload called ``name``; only its own module is imported. Raises UnknownName."""
    module = f"nuclei.workloads.{name.replace('-', '_')}"
    if name.replace("-", "").isalnum() and importlib.util.find_spec(module) is not None:
        entry = getattr(importlib.import_module(module), "WORKLOAD", None)
        if isinstance(entry, WorkloadEntry) and entry.name == name:
            return entry
    from nuclei.registry import workload

    return workload(name)
