"""A kernel's name is had once, also while tasks end that publish others."""

from __future__ import annotations

from typing import Any

from jupyterlab_container_kernels.services import names


class Other:
    """Another process whose task publishes its kernel, and ends, after the first look."""

    def __init__(self) -> None:
        self.kernels: set[str] = set()
        self.tasks = {"demo"}

    def publish(self) -> None:
        self.kernels, self.tasks = {"demo"}, set()

    async def kernel_names(self) -> set[str]:
        found = set(self.kernels)
        self.publish()
        return found

    async def slugs_anywhere(self) -> set[str]:
        found = set(self.tasks)
        self.publish()
        return found

    def slugs(self) -> set[str]:
        return set()


async def test_a_name_that_is_published_between_two_looks_is_taken() -> None:
    other: Any = Other()
    assert await names.free("Demo", other, other) == "demo-2"


async def test_jupyters_own_names_are_taken() -> None:
    other: Any = Other()
    assert await names.free("Python3", other, other) == "python3-2"
