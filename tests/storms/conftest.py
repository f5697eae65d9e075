"""Storms use the test-bed of the real tests: a real Apptainer, a real registry, real servers and kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.conftest import bed, ipykernel_sif, made_once, pulled, registry, stored_python

__all__ = ["bed", "ipykernel_sif", "made_once", "pulled", "registry", "stored_python"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.real)
