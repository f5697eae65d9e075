"""A site's mirrors, plain HTTP and blocks are read as Podman reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterlab_container_kernels.acquire.reference import ImageReference, parse
from jupyterlab_container_kernels.acquire.registries_conf import Source, sources

DIGEST = f"sha256:{1:064}"
MIRROR = """
unqualified-search-registries = ["quay.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.example:5000/hub"
insecure = true
[[registry.mirror]]
location = "cache.example"
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    made = tmp_path / "etc"
    made.mkdir()
    return made


def asked(text: str, home: Path, system: Path, environment: dict[str, str] | None = None) -> list[Source]:
    found = sources(parse(text, home), environment or {}, home, system)
    assert found.blocked is None
    return found.places


def test_without_a_file_an_image_comes_from_its_registry(home: Path, system: Path) -> None:
    assert asked("debian:12", home, system) == [Source("docker.io", "library/debian")]


def test_mirrors_are_asked_first_and_the_registry_last(home: Path, system: Path) -> None:
    (system / "registries.conf").write_text(MIRROR)
    assert asked("debian:12", home, system) == [
        Source("mirror.example:5000", "hub/library/debian", insecure=True),
        Source("cache.example", "library/debian"),
        Source("docker.io", "library/debian"),
    ]
    assert asked("ghcr.io/a/b:1", home, system) == [Source("ghcr.io", "a/b")]


#: An entry, an image, and where it comes from.
ENTRIES: list[tuple[str, str, list[Source]]] = [
    ('location = "r.example:5000"\ninsecure = true', "r.example:5000/a:1", [Source("r.example:5000", "a", True)]),
    ('prefix = "r.example/old"\nlocation = "r.example/new"', "r.example/old/a:1", [Source("r.example", "new/a")]),
    ('prefix = "r.example/old"\nlocation = "r.example/new"', "r.example/older/a:1", [Source("r.example", "older/a")]),
    ('prefix = "r.example"\nlocation = "other.example/x"', "r.example/a/b:1", [Source("other.example", "x/a/b")]),
    ('prefix = "*.example"\ninsecure = true\n[[registry.mirror]]\nlocation = "m.site/e"', "r.example/a/b:1",
     [Source("m.site", "e/a/b"), Source("r.example", "a/b")]),
    ('location = "r.example"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.site"',
     "r.example/a:1", [Source("r.example", "a")]),
    ('location = "r.example"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.site"',
     f"r.example/a@{DIGEST}", [Source("m.site", "a"), Source("r.example", "a")]),
    ('location = "r.example"\n[[registry.mirror]]\nlocation = "m.site"\npull-from-mirror = "tag-only"',
     f"r.example/a@{DIGEST}", [Source("r.example", "a")]),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "image", "places"), ENTRIES, ids=[f"{row[1]}-{n}" for n, row in enumerate(ENTRIES)])
def test_a_prefix_is_rewritten(home: Path, system: Path, entry: str, image: str, places: list[Source]) -> None:
    (system / "registries.conf").write_text(f"[[registry]]\n{entry}\n")
    assert asked(image, home, system) == places


def test_the_longest_prefix_counts_and_of_equals_the_file_read_last(home: Path, system: Path) -> None:
    (system / "registries.conf.d").mkdir()
    (system / "registries.conf").write_text('[[registry]]\nlocation = "r.example"\nblocked = true\n')
    (system / "registries.conf.d/50.conf").write_text(
        '[[registry]]\nlocation = "r.example/good"\n[[registry]]\nlocation = "q.example"\nblocked = true\n'
    )
    (system / "registries.conf.d/60.conf").write_text('[[registry]]\nlocation = "q.example"\n')
    assert asked("r.example/good/a:1", home, system) == [Source("r.example", "good/a")]
    assert asked("q.example/a:1", home, system) == [Source("q.example", "a")]
    blocked = sources(ImageReference("docker", "r.example", "a", "1"), {}, home, system)
    assert blocked.blocked == system / "registries.conf"


def test_the_users_file_comes_before_the_systems_and_a_named_one_before_all(home: Path, system: Path) -> None:
    (system / "registries.conf").write_text(MIRROR)
    users = home / ".config/containers"
    users.mkdir(parents=True)
    (users / "registries.conf").write_text('[[registry]]\nlocation = "docker.io"\n')
    assert asked("debian:12", home, system) == [Source("docker.io", "library/debian")]
    named = {"CONTAINERS_REGISTRIES_CONF": str(system / "registries.conf")}
    assert len(asked("debian:12", home, system, named)) == 3


@pytest.mark.parametrize(
    "content",
    ["[[registry", "\udcff", "registry = 7", "[registry]\nlocation = 'docker.io'", "[[registry]]\nlocation = 7",
     "[[registry]]\nprefix = 'docker.io'\nmirror = 'x'", "[registries.search]\nregistries = ['x']"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_nothing(home: Path, system: Path, content: str) -> None:
    (system / "registries.conf").write_bytes(content.encode(errors="surrogateescape"))
    assert asked("debian:12", home, system) == [Source("docker.io", "library/debian")]
