"""What would be run, word by word, for the versions that are out there."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterlab_container_kernels.containers import Isolated
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.models import Bind
from jupyterlab_container_kernels.runtimes.apptainer import Apptainer, bind_options
from jupyterlab_container_kernels.runtimes.base import FoundRuntime, Squashfs

APPTAINER_1_0 = FoundRuntime("apptainer", "Apptainer", "/usr/bin/apptainer", (1, 0, 3))
APPTAINER_1_4 = FoundRuntime("apptainer", "Apptainer", "/opt/apptainer/bin/apptainer", (1, 4, 5))
SINGULARITY_CE = FoundRuntime("apptainer", "SingularityCE", "/usr/bin/singularity", (4, 1, 0))
SINGULARITY_3 = FoundRuntime("apptainer", "Singularity", "/usr/local/bin/singularity", (3, 8, 7))
VERSIONS = [APPTAINER_1_0, APPTAINER_1_4, SINGULARITY_CE, SINGULARITY_3]


def name_of(found: FoundRuntime) -> str:
    return f"{found.title} {found.version_text}"


#: What --version printed, and what that is.
VERSION_TEXTS = [
    ("apptainer version 1.4.5\n", ("Apptainer", "1.4.5")),
    ("apptainer version 1.0.3\n", ("Apptainer", "1.0.3")),
    ("apptainer version 1.3.4-1.el9\n", ("Apptainer", "1.3.4")),  # as packaged by EPEL
    ("apptainer version 1.5.0-rc.1+12-gabcdef\n", ("Apptainer", "1.5.0")),
    ("apptainer version 1.4\n", ("Apptainer", "1.4.0")),
    ("singularity-ce version 4.1.0-jammy\n", ("SingularityCE", "4.1.0")),
    ("singularity-pro version 3.11-4.el8\n", ("SingularityPRO", "3.11.0")),
    ("singularity version 3.9.2-1.el7\n", ("Singularity", "3.9.2")),
    ("WARNING: something\nINFO: else\napptainer version 1.2.5\n", ("Apptainer", "1.2.5")),  # a site's wrapper talks
    ("2.6.1-dist\n", None),  # Singularity 2
    ("Docker version 24.0.7, build afdd53b\n", None),
    ("singularity: a game\n", None),  # another program of that name, as in Debian
    ("", None),
]


@pytest.mark.parametrize(("text", "known"), VERSION_TEXTS)
def test_a_runtime_is_known_by_what_it_prints(text: str, known: tuple[str, str] | None) -> None:
    found = Apptainer().identify("/x/y", text)
    assert (found and (found.title, found.version_text)) == known
    if found:
        assert (found.name, found.path) == ("apptainer", "/x/y")


def test_a_runtime_that_lacks_what_we_need_is_called_too_old() -> None:
    with pytest.raises(ContainerKernelsError) as caught:
        Apptainer().identify("/x/singularity", "singularity version 3.8.7-1.el7\n")
    assert caught.value.code == "runtime_missing"
    assert "/x/singularity is Singularity 3.8.7, which is too old" in caught.value.message


def test_the_version_is_asked_of_the_program_that_was_found() -> None:
    command = Apptainer().version_command("/x/singularity", {"A": "1"})
    assert (command.argv, command.env) == (["/x/singularity", "--version"], {"A": "1"})


@pytest.mark.parametrize("found", VERSIONS, ids=name_of)
def test_a_pull_keeps_to_its_own_directories(found: FoundRuntime) -> None:
    source = "docker://docker.io/library/debian@sha256:" + "0" * 64
    plan = Apptainer().pull(found, source, Path("/images/.x.sif"), Path("/tmp/t"), False, {"HOME": "/h"})
    assert plan.command.argv == [found.path, "pull", "--disable-cache", "/images/.x.sif", source]
    assert plan.command.env == {"HOME": "/h", "APPTAINER_TMPDIR": "/tmp/t", "SINGULARITY_TMPDIR": "/tmp/t"}
    assert plan.downloads == ["bundle-temp-*/layout-*/blobs/sha256/*"]


def test_plain_http_is_spoken_only_where_it_was_allowed() -> None:
    runtime, directories = Apptainer(), (Path("/images/.x.sif"), Path("/tmp/t"))
    allowed = runtime.pull(APPTAINER_1_4, "docker://localhost:5000/a:1", *directories, True, {})
    refused = runtime.pull(APPTAINER_1_4, "docker://localhost:5000/a:1", *directories, False, {})
    assert allowed.command.env["APPTAINER_NOHTTPS"] == allowed.command.env["SINGULARITY_NOHTTPS"] == "1"
    assert "APPTAINER_NOHTTPS" not in refused.command.env


def test_a_new_apptainer_is_told_to_compress_fast_and_within_the_job() -> None:
    squashfs = Squashfs("zstd", 256 << 20, 2)

    def words(found: FoundRuntime, source: str) -> list[str]:
        plan = Apptainer().pull(found, source, Path("/i.sif"), Path("/t"), False, {}, squashfs)
        return list(plan.command.argv[1:])

    told = "-comp zstd -Xcompression-level 1 -mem 256M -processors 2"
    build = ["build", "--mksquashfs-args", told, "--disable-cache", "/i.sif", "docker://a:1"]
    assert words(APPTAINER_1_4, "docker://a:1") == build
    plain = ["pull", "--disable-cache", "/i.sif"]
    assert words(APPTAINER_1_4, "library://a:1") == [*plain, "library://a:1"]
    assert words(replace(APPTAINER_1_4, version=(1, 3, 6)), "docker://a:1") == [*plain, "docker://a:1"]
    assert words(replace(APPTAINER_1_4, title="SingularityCE"), "docker://a:1") == [*plain, "docker://a:1"]


def test_a_pull_changes_nothing_in_the_servers_environment() -> None:
    environment = {"APPTAINER_TMPDIR": "/scratch"}
    plan = Apptainer().pull(APPTAINER_1_4, "library://a:1", Path("/i"), Path("/t"), False, environment)
    assert plan.command.env["APPTAINER_TMPDIR"] == "/t"
    assert environment == {"APPTAINER_TMPDIR": "/scratch"}
    assert plan.downloads == []


RUN = Isolated(
    Path("/images/a b.sif"),
    ["/bin/sh", "-c", "echo $HOME", "{}"],
    {"PIP_INDEX_URL": "https://u:secret@index/simple"},
    [Bind("/packages/demo", None, False), Bind("/host/pip", "/inside/pip", True)],
)


@pytest.mark.parametrize("found", VERSIONS, ids=name_of)
def test_an_isolated_run_sees_nothing_but_what_is_named(found: FoundRuntime) -> None:
    command = Apptainer().run_isolated(found, RUN, {"HOME": "/h", "PYTHONPATH": "/x"})
    literal = ["--no-eval"] if found in (APPTAINER_1_4, SINGULARITY_CE) else []
    assert command.argv == [
        found.path, "exec", "--cleanenv", "--contain", "--no-home", *literal, "--pwd", "/",
        "--bind", "/packages/demo", "--mount", 'type=bind,"src=/host/pip","dst=/inside/pip",ro',
        "/images/a b.sif", "/bin/sh", "-c", "echo $HOME", "{}",
    ]  # fmt: skip


def test_no_secret_stands_on_a_command_line() -> None:
    command = Apptainer().run_isolated(APPTAINER_1_4, RUN, {"https_proxy": "http://u:secret@proxy:3128"})
    assert "secret" not in " ".join(command.argv)
    assert command.env["APPTAINERENV_PIP_INDEX_URL"] == "https://u:secret@index/simple"


def test_settings_that_would_change_an_isolated_run_are_dropped() -> None:
    harmful = {
        f"{program}{name}": "/x"
        for program in ("APPTAINER", "SINGULARITY")
        for name in ("_BIND", "_BINDPATH", "_MOUNT", "_CONTAINALL", "_NV", "_ROCM", "_PWD", "_CWD", "_HOME", "_OVERLAY",
                     "ENV_PYTHONPATH", "ENV_LD_PRELOAD")
    }  # fmt: skip
    kept = {"APPTAINER_CACHEDIR": "/c", "APPTAINER_CONFIGDIR": "/d", "PATH": "/usr/bin", "XAPPTAINER_BIND": "/x"}
    command = Apptainer().run_isolated(APPTAINER_1_4, Isolated(Path("/i"), ["true"]), harmful | kept)
    assert command.env == kept


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "no_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_session_is_handed_in(name: str) -> None:
    command = Apptainer().run_isolated(APPTAINER_1_4, Isolated(Path("/i"), ["true"]), {name: "http://proxy:3128"})
    assert command.env[f"APPTAINERENV_{name}"] == command.env[f"SINGULARITYENV_{name}"] == "http://proxy:3128"


def test_what_is_asked_for_beats_what_the_session_has() -> None:
    run = Isolated(Path("/i"), ["true"], {"http_proxy": "mine"})
    assert Apptainer().run_isolated(APPTAINER_1_4, run, {"http_proxy": "x"}).env["APPTAINERENV_http_proxy"] == "mine"


#: Bind, and the options that say it.
BINDS = [
    (Bind("/a", None, False), ["--bind", "/a"]),
    (Bind("/a:b,c\\d", None, False), ["--bind", "/a\\:b\\,c\\\\d"]),
    (Bind("/a b'$(x)\"", None, False), ["--bind", "/a b'$(x)\""]),  # no shell, so nothing else is special
    (Bind("/a", "/b", False), ["--mount", 'type=bind,"src=/a","dst=/b"']),
    (Bind("/a", None, True), ["--mount", 'type=bind,"src=/a","dst=/a",ro']),
    (Bind('/a,"b"', "/c:d", True), ["--mount", 'type=bind,"src=/a,""b""","dst=/c:d",ro']),
]


@pytest.mark.parametrize(("bind", "options"), BINDS, ids=lambda value: str(value)[:40])
def test_a_bind_is_written_as_the_runtime_reads_it(bind: Bind, options: list[str]) -> None:
    assert bind_options(bind) == options
    if options[0] == "--mount":
        [fields] = csv.reader([options[1]])
        wanted = ["type=bind", f"src={bind.source}", f"dst={bind.destination or bind.source}"]
        assert fields == wanted + ["ro"] * bind.read_only


#: What the environment says, and where the cache of each runtime lies then.
CACHES: list[tuple[dict[str, str], FoundRuntime, str]] = [
    ({}, APPTAINER_1_4, "/home/me/.apptainer/cache"),
    ({}, SINGULARITY_CE, "/home/me/.singularity/cache"),
    ({"APPTAINER_CONFIGDIR": "/c"}, APPTAINER_1_4, "/c/cache"),
    ({"APPTAINER_CONFIGDIR": "/c", "APPTAINER_CACHEDIR": "/d"}, APPTAINER_1_4, "/d/cache"),
    ({"SINGULARITY_CACHEDIR": "/d", "APPTAINER_CONFIGDIR": "/c"}, APPTAINER_1_4, "/d/cache"),
    ({"SINGULARITY_CONFIGDIR": "/c"}, APPTAINER_1_4, "/c/cache"),
    ({"SINGULARITY_CONFIGDIR": "/c", "APPTAINER_CACHEDIR": "/d"}, SINGULARITY_CE, "/c/cache"),
]


@pytest.mark.parametrize(("variables", "found", "cache"), CACHES, ids=str)
def test_the_cache_is_looked_for_where_the_runtime_has_it(
    variables: dict[str, str], found: FoundRuntime, cache: str
) -> None:
    assert Apptainer().cache_dir(found, variables, Path("/home/me")) == Path(cache)
