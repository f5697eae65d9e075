"""Whether an image fits is told with numbers and places, for each way in which it may come."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterlab_container_kernels.models import Elsewhere, Place
from jupyterlab_container_kernels.services import room
from jupyterlab_container_kernels.services.room import Judgement, judge
from jupyterlab_container_kernels.system.patience import Patience

GB = 1_000_000_000


class Session:
    """Two disks: the store, and the one for temporary files."""

    def __init__(self, base: Path, store: int | None, temporary: int | None, named: bool = False) -> None:
        self.roots = SimpleNamespace(images=base / "images")
        self.settings = SimpleNamespace(
            temporary_dir=base / "tmp" if named else None, scratch_dirs=[], keep_layers=False
        )
        self.patience = Patience()
        self.free = {base / "images": store, base / "tmp": temporary}
        self._temporary = base / "tmp"

    async def room(self, path: Path) -> tuple[int | None, int | None]:
        return self.free.get(path), None

    async def temporary_dir(self, _needed: int) -> Path:
        return self._temporary


@pytest.fixture(autouse=True)
def _disks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_device", lambda path: path.name)
    for name in ("SCRATCH", "PSCRATCH", "WORK", "PROJECT"):
        monkeypatch.delenv(name, raising=False)


#: Room in the store and for temporary files, whether the image is streamed; the verdict, where, and how much it takes.
CASES: list[tuple[int | None, int | None, bool, str, str, float]] = [
    (100 * GB, 1 * GB, True, "fits", "images", 2.1),  # layers and SIF lie in the store
    (2 * GB, 100 * GB, True, "fits", "images", 1.1),  # the layers go elsewhere
    (1 * GB, 100 * GB, True, "too_large", "images", 1.1),
    (2 * GB, GB // 2, True, "too_large", "tmp", 1.0),
    (100 * GB, 100 * GB, False, "fits", "tmp", 5.0),
    (100 * GB, 4 * GB, False, "too_large", "tmp", 5.0),
    (1 * GB, 100 * GB, False, "too_large", "images", 1.1),
    (None, 100 * GB, False, "unknown", "tmp", 5.0),
    (100 * GB, None, False, "unknown", "images", 1.1),
    (None, 1 * GB, False, "too_large", "tmp", 5.0),
]


@pytest.mark.parametrize(("store", "temporary", "streamed", "verdict", "where", "needed"), CASES, ids=str)
async def test_it_fits_where_it_is_tightest(
    tmp_path: Path, store: int | None, temporary: int | None, streamed: bool, verdict: str, where: str, needed: float
) -> None:
    session: Any = Session(tmp_path, store, temporary)
    judged = await judge(session, GB, "streamed" if streamed else "pulled")
    assert judged.verdict == verdict
    assert judged.place == Place(str(tmp_path / where), int(needed * GB), session.free[tmp_path / where])
    assert judged.elsewhere is None


async def test_on_one_disk_all_of_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_device", lambda _path: 1)
    session: Any = Session(tmp_path, 5 * GB, 5 * GB)
    judged = await judge(session, GB, "pulled")
    assert judged == Judgement("too_large", Place(str(tmp_path / "images"), int(6.1 * GB), 5 * GB))


async def test_layers_that_are_kept_stay_in_the_store(tmp_path: Path) -> None:
    session: Any = Session(tmp_path, 2 * GB, 9 * GB, named=True)
    assert (await judge(session, GB, "streamed")).verdict == "fits"
    session.settings.keep_layers = True
    judged = await judge(session, GB, "streamed")
    assert judged == Judgement("too_large", Place(str(tmp_path / "images"), int(2.1 * GB), 2 * GB))
    assert (await judge(session, GB, "pulled")).verdict == "fits", "of those nobody keeps layers"
    chosen = tmp_path / "chosen"
    session.free[chosen] = 2 * GB
    assert (await judge(session, GB, "streamed", chosen)).verdict == "fits", "nor in a folder that was chosen"


async def test_a_place_where_it_would_fit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session: Any = Session(tmp_path, GB, GB)
    small, large = tmp_path / "small", tmp_path / "large"
    large.mkdir()
    small.mkdir()
    session.free |= {small: GB, large: 3 * GB, tmp_path / "gone": 9 * GB}
    for name, path in (("SCRATCH", small), ("PSCRATCH", tmp_path / "gone"), ("WORK", Path("no")), ("PROJECT", large)):
        monkeypatch.setenv(name, str(path))
    judged = await judge(session, GB, "streamed")
    assert judged.verdict == "fits_elsewhere"
    assert judged.elsewhere == Elsewhere(str(large), int(2.1 * GB), 3 * GB, "images_dir")


#: Room in the store, for temporary files and elsewhere; how it comes; which setting helps, and what it takes there.
REMEDIES: list[tuple[int, int, int, room.Way, tuple[str, float] | None]] = [
    (2 * GB, GB // 2, 3 * GB, "streamed", ("temporary_dir", 1.0)),  # the layers find no room
    (100 * GB, 4 * GB, 6 * GB, "pulled", ("temporary_dir", 5.0)),
    (100 * GB, 4 * GB, 4 * GB, "pulled", None),
    (1 * GB, 100 * GB, 2 * GB, "pulled", ("images_dir", 1.1)),
    (1 * GB, 4 * GB, 9 * GB, "pulled", None),  # it would take both settings
    (1 * GB, 0, 2 * GB, "copied", ("images_dir", 1.1)),
]


@pytest.mark.parametrize(("store", "temporary", "elsewhere", "way", "remedy"), REMEDIES, ids=str)
async def test_the_setting_is_named_that_makes_it_fit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    store: int,
    temporary: int,
    elsewhere: int,
    way: room.Way,
    remedy: tuple[str, float] | None,
) -> None:
    session: Any = Session(tmp_path, store, temporary)
    session.free[tmp_path] = elsewhere
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    judged = await judge(session, GB, way)
    assert judged.verdict == ("fits_elsewhere" if remedy else "too_large")
    found = judged.elsewhere
    assert (found and (found.setting, found.needed_bytes)) == (remedy and (remedy[0], int(remedy[1] * GB)))


@pytest.mark.parametrize(("free", "verdict"), [(6 * GB, "too_large"), (7 * GB, "fits_elsewhere")])
async def test_a_place_on_the_disk_of_the_store_needs_room_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str
) -> None:
    monkeypatch.setattr(room, "_device", lambda path: path.name == "tmp")
    session: Any = Session(tmp_path, free, GB)
    session.free[tmp_path] = free
    monkeypatch.setenv("SCRATCH", str(tmp_path))
    assert (await judge(session, GB, "pulled")).verdict == verdict


async def test_a_named_directory_for_temporary_files_is_used(tmp_path: Path) -> None:
    session: Any = Session(tmp_path, 100 * GB, GB // 2, named=True)
    assert (await judge(session, GB, "streamed")).verdict == "too_large"


@pytest.mark.parametrize(("store", "verdict"), [(2 * GB, "fits"), (1 * GB, "too_large"), (None, "unknown")])
async def test_a_copy_needs_room_in_the_store_alone(tmp_path: Path, store: int | None, verdict: str) -> None:
    session: Any = Session(tmp_path, store, 0, named=True)
    judged = await judge(session, GB, "copied")
    assert judged == Judgement(verdict, Place(str(tmp_path / "images"), int(1.1 * GB), store))  # type: ignore[arg-type]
