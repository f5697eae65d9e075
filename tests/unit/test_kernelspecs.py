"""A kernel is written where Jupyter does not look, appears in one step, and is ours only if we can read that it is."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.system import kernelspecs, paths
from jupyterlab_container_kernels.system.paths import Roots
from tests.builders import add_kernel, record, tree, write_sif


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_sif(tmp_path / "a.sif")


def stage(roots: Roots, image: Path, slug: str = "demo", workspace: str = "w", **changes: str) -> Path:
    directory = roots.staging / workspace
    if not directory.exists():
        paths.make_marked(directory)
    values = {"display_name": "Demo", "language": "python", "script": "#!/bin/bash\n", "logo": "<svg/>"} | changes
    return kernelspecs.stage(
        directory,
        slug,
        interrupt_mode="signal",
        metadata={"debugger": True},
        record=record(roots, slug, image),
        **values,
    )


def test_a_staged_kernel_is_private_and_out_of_jupyters_sight(roots: Roots, image: Path, umask: int) -> None:
    staged = stage(roots, image)
    assert not roots.kernels.exists()
    assert stat.S_IMODE(staged.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in staged.iterdir()} == {0o600}
    assert tree(staged) == ["init.sh", "kernel.json", "logo-svg.svg"]


@pytest.mark.parametrize("name", ["Demo", "Py “3” ü 🚀", "\"dq\" 'sq' $HOME \\ <b>", "$(touch x)"])
def test_jupyter_reads_a_published_kernel_as_it_was_meant(roots: Roots, image: Path, name: str) -> None:
    published = kernelspecs.publish(stage(roots, image, display_name=name), roots)
    manager = KernelSpecManager(ensure_native_kernel=False)
    manager.kernel_dirs = [str(roots.kernels)]
    spec = manager.get_kernel_spec("demo")
    assert spec.display_name == name
    assert spec.argv == ["/bin/bash", "{resource_dir}/init.sh", "{connection_file}"]
    assert spec.interrupt_mode == "signal"
    assert spec.language == "python"
    assert spec.metadata["debugger"] is True
    assert Path(spec.resource_dir) == published


def test_what_was_published_is_read_back(roots: Roots, image: Path) -> None:
    directory = add_kernel(roots, "demo", image, display_name="Demo")
    spec = kernelspecs.read(directory)
    assert spec is not None
    assert (spec.slug, spec.display_name, spec.resource_dir) == ("demo", "Demo", directory)
    assert spec.record == record(roots, "demo", image)


def test_publishing_leaves_nothing_behind_in_staging(roots: Roots, image: Path) -> None:
    staged = stage(roots, image)
    published = kernelspecs.publish(staged, roots)
    assert published == roots.kernels / "demo"
    assert not staged.exists()


@pytest.mark.parametrize("kind", ["directory", "empty directory", "file", "dangling link"])
def test_a_name_that_is_taken_is_never_overwritten(roots: Roots, image: Path, kind: str) -> None:
    target = paths.make_private(roots.kernels) / "demo"
    if "directory" in kind:
        target.mkdir()
        if kind == "directory":
            (target / "kernel.json").write_text("{}")
    elif kind == "file":
        target.write_text("x")
    else:
        target.symlink_to("/nowhere")
    before = tree(roots.kernels)
    staged = stage(roots, image)
    with pytest.raises(ContainerKernelsError) as caught:
        kernelspecs.publish(staged, roots)
    assert caught.value.code == "slug_taken"
    assert tree(roots.kernels) == before
    assert staged.is_dir(), "what was staged is still there for whoever cleans up"


def test_of_two_who_publish_one_name_at_once_one_wins(roots: Roots, image: Path) -> None:
    for round_ in range(20):
        slug = f"demo-{round_}"
        staged = [stage(roots, image, slug, f"w{round_}-{number}", display_name=str(number)) for number in range(2)]
        barrier = threading.Barrier(2)
        outcomes: dict[int, str] = {}

        def publish(number: int) -> None:
            barrier.wait()  # noqa: B023
            try:
                kernelspecs.publish(staged[number], roots)  # noqa: B023
                outcomes[number] = "published"  # noqa: B023
            except ContainerKernelsError as error:
                outcomes[number] = error.code  # noqa: B023

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes.values()) == ["published", "slug_taken"]
        winner = next(number for number, outcome in outcomes.items() if outcome == "published")
        spec = kernelspecs.read(roots.kernels / slug)
        assert spec is not None and spec.display_name == str(winner)
        assert tree(roots.kernels / slug) == ["init.sh", "kernel.json", "logo-svg.svg"]


def test_a_directory_that_cannot_be_written_is_not_called_a_taken_name(roots: Roots, image: Path) -> None:
    staged = stage(roots, image)
    roots.kernels.parent.mkdir(parents=True, exist_ok=True)
    roots.kernels.write_text("a file where the directory should be")
    with pytest.raises(OSError) as caught:
        kernelspecs.publish(staged, roots)
    assert not isinstance(caught.value, ContainerKernelsError)


def test_withdrawing_moves_a_kernel_into_the_trash_in_one_step(roots: Roots, image: Path) -> None:
    spec = kernelspecs.read(add_kernel(roots, "demo", image))
    assert spec is not None
    doomed = kernelspecs.withdraw(spec, roots)
    assert doomed is not None
    assert tree(roots.kernels) == []
    assert doomed.parent == roots.trash
    assert paths.is_ours(doomed, roots.trash)
    assert (doomed / "demo" / "kernel.json").is_file()


def test_withdrawing_twice_is_no_error_and_leaves_no_empty_trash(roots: Roots, image: Path) -> None:
    spec = kernelspecs.read(add_kernel(roots, "demo", image))
    assert spec is not None
    first = kernelspecs.withdraw(spec, roots)
    assert kernelspecs.withdraw(spec, roots) is None
    assert list(roots.trash.iterdir()) == [first]


def test_a_link_to_a_kernel_is_not_withdrawn(roots: Roots, image: Path, tmp_path: Path) -> None:
    directory = add_kernel(roots, "demo", image)
    elsewhere = tmp_path / "elsewhere"
    directory.rename(elsewhere)
    directory.symlink_to(elsewhere)
    spec = kernelspecs.read(directory)
    assert spec is not None
    with pytest.raises(ContainerKernelsError) as caught:
        kernelspecs.withdraw(spec, roots)
    assert caught.value.code == "not_ours"
    assert directory.is_symlink() and (elsewhere / "kernel.json").is_file()
    assert not roots.trash.exists() or tree(roots.trash) == []


def test_a_kernel_that_lies_elsewhere_is_not_withdrawn(roots: Roots, image: Path, tmp_path: Path) -> None:
    other = Roots(tmp_path / "other", roots.images, roots.packages, roots.state)
    spec = kernelspecs.read(add_kernel(other, "demo", image))
    assert spec is not None
    with pytest.raises(ContainerKernelsError) as caught:
        kernelspecs.withdraw(spec, roots)
    assert caught.value.code == "not_ours"
    assert (tmp_path / "other" / "demo").is_dir()


def test_a_kernel_that_lies_elsewhere_is_not_mended_and_nothing_is_said_of_deleting_it(
    roots: Roots, image: Path, tmp_path: Path
) -> None:
    other = Roots(tmp_path / "other", roots.images, roots.packages, roots.state)
    spec = kernelspecs.read(add_kernel(other, "demo", image))
    assert spec is not None
    with pytest.raises(ContainerKernelsError) as caught:
        kernelspecs.overwrite(stage(roots, image), spec, roots)
    assert caught.value.code == "not_ours"
    assert caught.value.message.startswith("The kernel demo was left as it is: ")


def test_kernels_that_are_reached_through_a_link_are_withdrawn(roots: Roots, image: Path, tmp_path: Path) -> None:
    """On many clusters home itself is a link."""
    (tmp_path / "link").symlink_to(roots.kernels.parent)
    linked = Roots(tmp_path / "link" / "kernels", roots.images, roots.packages, roots.state)
    add_kernel(roots, "demo", image)
    [spec] = kernelspecs.read_all(linked.kernels)
    assert kernelspecs.withdraw(spec, linked) is not None
    assert tree(roots.kernels) == []


GOOD = {"display_name": "x", "metadata": {}}


@pytest.mark.parametrize(
    "content",
    [
        None,  # no kernel.json
        "",  # cut to nothing by a full disk
        "{",  # cut
        "[]",
        "null",
        '"text"',
        json.dumps({"display_name": "Python 3", "argv": ["python3"]}),  # somebody else's
        json.dumps({"display_name": "x", "metadata": None}),
        json.dumps({"display_name": "x", "metadata": {"container_kernels": None}}),
        json.dumps({"display_name": "x", "metadata": {"container_kernels": []}}),
        json.dumps({"display_name": "x", "metadata": {"container_kernels": {}}}),
        json.dumps({"display_name": "x", "metadata": {"container_kernels": {"schema": 99}}}),  # made by a later version
        json.dumps({"display_name": "x", "metadata": {"container_kernels": {"schema": 1, "image": "x"}}}),
    ],
)
def test_one_kernel_that_cannot_be_read_hides_no_other(roots: Roots, image: Path, content: str | None) -> None:
    add_kernel(roots, "good", image)
    bad = roots.kernels / "bad"
    bad.mkdir()
    if content is not None:
        (bad / "kernel.json").write_text(content)
    assert kernelspecs.read(bad) is None
    assert [spec.slug for spec in kernelspecs.read_all(roots.kernels)] == ["good"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("image",), None),
        (("image", "path"), 7),
        (("image", "size_bytes"), "many"),
        (("gpu",), "maybe"),
        (("binds",), [{"source": "/a"}]),
        (("packages",), []),
        (("runtime",), "apptainer"),
        (("environment",), None),
    ],
)
def test_a_record_with_a_wrong_value_is_passed_over(roots: Roots, image: Path, path: tuple[str, ...], value) -> None:
    directory = add_kernel(roots, "demo", image)
    data = json.loads((directory / "kernel.json").read_text())
    at = data["metadata"]["container_kernels"]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    (directory / "kernel.json").write_text(json.dumps(data))
    assert kernelspecs.read_all(roots.kernels) == []


def test_a_record_with_a_field_more_is_still_read(roots: Roots, image: Path) -> None:
    """A later version may add fields without raising the schema's number."""
    directory = add_kernel(roots, "demo", image)
    data = json.loads((directory / "kernel.json").read_text())
    data["metadata"]["container_kernels"]["later"] = 1
    (directory / "kernel.json").write_text(json.dumps(data))
    assert len(kernelspecs.read_all(roots.kernels)) == 1


def test_kernels_come_by_display_name_and_files_and_links_are_passed_over(roots: Roots, image: Path) -> None:
    for slug, name in (("c", "alpha"), ("a", "Beta"), ("b", "alpha"), ("d", "Gamma")):
        add_kernel(roots, slug, image, display_name=name)
    (roots.kernels / "file").write_text("x")
    (roots.kernels / "link").symlink_to(roots.kernels / "a")
    assert [spec.slug for spec in kernelspecs.read_all(roots.kernels)] == ["b", "c", "a", "d"]


def test_a_directory_of_kernels_that_does_not_exist_holds_none(tmp_path: Path) -> None:
    assert kernelspecs.read_all(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("PyTorch 2.9.1", "pytorch-2.9.1"),
        ("  R  (4.3)  ", "r-4.3"),
        ("../../etc", "etc"),  # neither dots nor dashes at the ends
        ("ünï", "n"),
        ("🚀", "container"),  # nothing is left
        ("", "container"),
        ("a_b", "a-b"),
        ("x;touch${IFS}PWNED;y", "x-touch-ifs-pwned-y"),
        ("a" * 200, "a" * 60),
        ("a" * 59 + " b", "a" * 59),  # no dash at the end after it was cut
        ("python3", "python3"),
    ],
)
def test_a_name_for_jupyter_is_made_from_a_display_name(name: str, slug: str) -> None:
    assert kernelspecs.slugify(name) == slug
    assert kernelspecs.SLUG.fullmatch(slug)


@pytest.mark.parametrize(
    ("used", "free"),
    [([], "demo"), (["demo"], "demo-2"), (["demo", "demo-2", "demo-4"], "demo-3"), (["demo-2"], "demo")],
)
def test_a_free_name_is_found(used: list[str], free: str) -> None:
    assert kernelspecs.free_slug("demo", used) == free


def test_the_longest_name_has_room_for_a_number() -> None:
    long = kernelspecs.slugify("a" * 200)
    assert kernelspecs.SLUG.fullmatch(kernelspecs.free_slug(long, [long]))


def test_a_kernel_that_may_not_be_read_hides_no_other(public_dir: Path, ordinary_user) -> None:
    public_dir.chmod(0o777)
    with ordinary_user():
        state = public_dir / "jupyter" / "container-kernels"
        roots = Roots(public_dir / "jupyter" / "kernels", state / "images", state / "packages", state)
        image = write_sif(public_dir / "a.sif")
        locked = add_kernel(roots, "locked", image)
        add_kernel(roots, "open", image)
        locked.chmod(0o000)
        assert [spec.slug for spec in kernelspecs.read_all(roots.kernels)] == ["open"]
        locked.chmod(0o700)
    assert os.path.isdir(locked)
