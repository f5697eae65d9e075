"""A site's policy file is read strictly: mistakes have their lines, what is right holds, and nothing opens by one."""

from __future__ import annotations

import base64
import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from jupyter_core import paths
from traitlets import TraitError
from traitlets.config import Config

from jupyterlab_container_kernels import cli
from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.services import policy_file, policy_reading
from jupyterlab_container_kernels.services.policy_reading import PolicyReading
from jupyterlab_container_kernels.services.policy_values import ICON_BYTES
from jupyterlab_container_kernels.settings import PolicyFile
from jupyterlab_container_kernels.traits import Traits

WHOLE = """\
[support]
text = "Ask the help desk."
link = "https://hpc.example.org/help"

[folders]
images = "/scratch/$SITE_USER/images"
site_images = ["/shared/images"]
packages = "/scratch/packages"
temporary = "/local/tmp"
scratch = ["/scratch/$SITE_USER"]
shared_kernels = ["/project/kernels"]
wheelhouse = "/shared/wheels"

[runtime]
path = "/opt/apptainer/bin/apptainer"
module = "apptainer/1.4"

[pull]
from = "job"
job_options = ["--partition=transfer"]

[kernels]
binds = ["/project"]
environment = { OMP_NUM_THREADS = "4", CACHE = "/scratch/$SITE_USER" }

[registries]
allow = ["docker.io/pytorch", "*.example.org", "library://site"]
deny = ["docker.io/pytorch/bad"]
digest_required = true
insecure = ["registry.example.org:5000"]

[files]
allow = ["/shared", "/project/*/images"]
deny = ["/shared/old"]

[[catalogue]]
title = "PyTorch 2.9"
image = "docker://docker.io/pytorch/pytorch:2.9"
description = "With CUDA"
gpu = "on"
language = "Python"
"""


@pytest.fixture(autouse=True)
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_USER", "mst3k")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "container-kernels.toml"
    path.touch(0o644)
    return path


def read(file: Path, text: str) -> PolicyFile:
    file.write_text(text)
    return policy_file.read(file)


def test_a_whole_file_sets_every_setting_it_can_and_is_fine(file: Path) -> None:
    found = read(file, WHOLE)
    assert found.problems == []
    assert set(found.values) == {key.trait for key in policy_file.KEYS}
    assert found.values["images_dir"] == "/scratch/mst3k/images"
    assert found.values["default_environment"] == {"OMP_NUM_THREADS": "4", "CACHE": "/scratch/mst3k"}
    assert found.values["catalogue"][0]["gpu"] == "on"


def test_every_key_sets_a_trait_that_there_is() -> None:
    assert {key.trait for key in policy_file.KEYS} <= set(Traits.class_own_traits(config=True))


#: What stands in the file; the line, what is said of it, what is closed.
MISTAKES = [
    ('[support]\n\ntxet = "x"\n', 3, "support.txet is unknown; is it text?", ()),
    ('[pull]\njob_options = ["time"]\n', 2, "pull.job_options[1] has to be an option with its value", ()),
    ("[support]\ntext = 3\n", 2, "support.text has to be text in quotes", ()),
    ('[support]\nlink = "javascript:alert(1)"\n', 2, "support.link has to begin with https:// or mailto:", ()),
    ('# a comment\n[folders]\nimages = "images"\n', 3, "folders.images has to be a full path, not 'images'", ()),
    ('[folders]\nscratch = [\n  "/ok",\n  "/x/$NO_SUCH",\n]\n', 2, "folders.scratch[2] names the variable NO_SUCH", ()),
    ('[folders]\nscratch = "/ok"\n', 2, "folders.scratch has to be a list", ()),
    ("folders = 3\n", 1, "folders has to be a table", ()),
    ('[kernels.environment]\nA = "1"\nPATH = "/x"\n', 3, "kernels.environment.PATH is not acceptable", ()),
    ('[slrum]\naccount = "x"\n', 1, "slrum is unknown", ()),
    # a wrong entry of what is allowed allows nothing; the others hold
    ('[registries]\nallow = ["ghcr.io", "pytorch"]\n', 2, "registries.allow[2] has to begin with a registry", ()),
    ('[registries]\nallow = "ghcr.io"\n', 2, "registries.allow has to be a list", ("registries",)),
    ('[registries]\ndeny = ["ghcr.io", "docker.io/a:1"]\n', 2, "registries.deny[2] has to name", ("registries",)),
    ('[registries]\ndigest_required = "yes"\n', 2, "registries.digest_required has to be true", ("registries",)),
    ('[registries]\ndney = ["ghcr.io"]\n', 2, "registries.dney is unknown; is it deny?", ("registries",)),
    ('[registrys]\ndeny = ["ghcr.io"]\n', 1, "registrys is unknown; is it registries?", ("registries", "files")),
    ('[rules]\nallowed = ["ghcr.io"]\n', 1, "rules is unknown", ("registries", "files")),
    ('registries = ["ghcr.io"]\n', 1, "registries has to be a table", ("registries",)),
    ('[files]\ndeny = ["relative"]\n', 2, "files.deny[1] has to be a full path", ("files",)),
    ('[files]\nallow = ["relative", "/ok"]\n', 2, "files.allow[1] has to be a full path", ()),
    ('[[catalogue]]\ntitle = "A"\n', 1, "catalogue[1] lacks image", ()),
    (
        '[[catalogue]]\ntitle = "A"\nimage = "x:1"\n[[catalogue]]\ntitle = "B"\nimage = "NO"\n',
        6,
        "catalogue[2].image",
        (),
    ),
    ('[[catalogue]]\ntitle = "A"\nimage = "x:1"\ngpu = true\n', 4, "catalogue[1].gpu has to be one of 'auto'", ()),
    ('[[catalogue]]\ntitle = "A"\nimage = "x:1"\ncolor = "x"\n', 4, "catalogue[1].color is unknown", ()),
    ('[[catalogue]]\ntitle = "A"\nimage = "x:1"\nicon = "/no/such.svg"\n', 4, "catalogue[1].icon cannot be read", ()),
    ('[catalogue]\ntitle = "A"\n', 1, "catalogue has to be tables", ()),
]


@pytest.mark.parametrize(("text", "line", "said", "closes"), MISTAKES, ids=[each[2] for each in MISTAKES])
def test_a_mistake_is_told_with_its_line_and_closes_what_it_might_open(
    file: Path, text: str, line: int, said: str, closes: tuple[str, ...]
) -> None:
    [problem] = read(file, text).problems
    assert (problem.line, problem.closes) == (line, closes), problem
    assert str(problem).startswith(f"line {line}: {said}"), problem


def test_what_is_right_in_a_wrong_file_holds(file: Path) -> None:
    wrong = WHOLE.replace('text = "Ask the help desk."', "text = 1").replace(
        '"/shared/images"', '"x", "/shared/images"'
    )
    found = read(file, wrong + '[[catalogue]]\ntitle = "Next"\nimage = "debian:12"\nicon = 3\n')
    assert [each.line for each in found.problems] == [2, 7, 45]
    assert found.values["site_images"] == ["/shared/images"]
    assert found.values["denied_registries"] == ["docker.io/pytorch/bad"]
    assert found.values["catalogue"][1] == {"title": "Next", "image": "debian:12"}
    assert "support_text" not in found.values


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb == 2\n", 2), ('[support]\ntext = "x', 2), ("a = [1,\n\n", 2)])
def test_what_is_no_toml_sets_nothing_and_says_where(file: Path, text: str, line: int) -> None:
    found = read(file, text)
    assert found.values == {}
    assert [(each.line, each.closes) for each in found.problems] == [(line, ())]


def test_what_is_no_toml_but_restricts_closes_all(file: Path) -> None:
    [problem] = read(file, WHOLE + "x =\n").problems
    assert problem.closes == ("registries", "files")


@pytest.mark.parametrize(("mode", "who"), [(0o664, "a group"), (0o646, "everybody"), (0o666, "everybody")])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int, who: str) -> None:
    file.write_text(WHOLE)
    file.chmod(mode)
    found = policy_file.read(file)
    assert found.values == {}
    assert f"may be written by {who} (mode {mode:04o})" in found.problems[0].reason
    assert found.problems[0].closes == ("registries", "files")


def test_a_file_that_cannot_be_read_closes_all(file: Path) -> None:
    assert policy_file.read(file.parent).problems[0].closes == ("registries", "files")
    [missing] = PolicyReading(str(file.with_name("gone.toml"))).get().problems
    assert "No such file" in missing.reason
    file.write_bytes(b"[support]\ntext = '\xff'\n")
    assert "UTF-8" in policy_file.read(file).problems[0].reason


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that opens only when somebody writes to it."""
    monkeypatch.setattr(policy_reading, "_READ_S", 0.1)
    pipe = tmp_path / policy_reading.NAME
    os.mkfifo(pipe, 0o600)
    yield pipe
    os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))  # lets a thread go that still waits


def test_a_file_system_that_hangs_closes_all_and_holds_nobody_up(
    hanging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_CONFIG_PATH", [str(hanging.parent)])
    for named in (str(hanging), ""):
        reading = PolicyReading(named)
        found = reading.get()
        assert found.path == hanging and "hangs" in found.problems[0].reason and found.problems[0].closes
        assert not reading.has_come()
        answer(hanging, "")
        wait_for(reading.has_come)
        assert reading.get().problems == []


def test_what_could_not_be_read_is_tried_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.unlink()
    reading = PolicyReading(str(file))
    assert not reading.get().is_read
    file.touch(0o644)
    assert not reading.has_come(), "not at once"
    monkeypatch.setattr(policy_reading, "_AGAIN_S", 0.0)
    wait_for(reading.has_come)
    assert reading.get().problems == []


@pytest.mark.parametrize("error", [errno.ESTALE, errno.EIO])
def test_a_folder_that_fails_closes_all_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    found = looked_at(tmp_path, monkeypatch, error)
    assert found.path == tmp_path / policy_reading.NAME
    assert os.strerror(error) in found.problems[0].reason and found.problems[0].closes


def test_a_folder_that_the_user_may_not_enter_holds_no_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_at(tmp_path, monkeypatch, errno.EACCES) == PolicyFile()


def test_whatever_goes_wrong_with_reading_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: Path) -> PolicyFile:
        raise RecursionError("too deep")

    monkeypatch.setattr(policy_file, "read", fail)
    [problem] = PolicyReading(str(file)).get().problems
    assert problem.reason == "cannot be read: too deep" and problem.closes


def looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> PolicyFile:
    """Return the policy of a site whose folder of configuration answers with an error."""

    def fail(path: Path, *_arguments: Any, **_named: Any) -> Any:
        raise OSError(error, os.strerror(error), str(path))

    monkeypatch.setattr(paths, "SYSTEM_CONFIG_PATH", [str(folder)])
    monkeypatch.setattr(paths, "ENV_CONFIG_PATH", [])
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", fail)
        patched.setattr(Path, "open", fail)
        return PolicyReading("").get()


def answer(pipe: Path, text: str) -> None:
    """Let a hanging file be read. Each end of a pipe waits for the other when it is opened."""
    with pipe.open("w") as file:
        file.write(text)


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_the_systems_file_comes_before_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / name for name in ("local", "etc", "venv")]
    monkeypatch.setattr(paths, "SYSTEM_CONFIG_PATH", [str(folders[0]), str(folders[1])])
    monkeypatch.setattr(paths, "ENV_CONFIG_PATH", [str(folders[2])])
    assert PolicyReading("").get() == PolicyFile()
    for folder in reversed([folders[1], folders[0], folders[2]]):
        folder.mkdir()
        (folder / policy_reading.NAME).touch(0o644)
        assert PolicyReading("").get().path == folder / policy_reading.NAME


def test_a_picture_travels_with_its_entry_and_may_not_be_large(file: Path, tmp_path: Path) -> None:
    icon = tmp_path / "logo.svg"
    icon.write_bytes(b"<svg/>")
    text = f'[[catalogue]]\ntitle = "A"\nimage = "x:1"\nicon = "{icon}"\n'
    address = read(file, text).values["catalogue"][0]["icon"]
    assert base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")) == b"<svg/>"
    icon.write_bytes(b" " * (ICON_BYTES + 1))
    found = read(file, text)
    assert "too large" in found.problems[0].reason and len(found.values["catalogue"]) == 1


def test_an_image_is_offered_once(file: Path) -> None:
    entry = '[[catalogue]]\ntitle = "A"\nimage = "x:1"\n'
    found = read(file, entry * 2)
    assert [str(each) for each in found.problems] == ["line 6: catalogue[2].image is there twice: x:1"]
    assert len(found.values["catalogue"]) == 1


# ---- settings


def test_what_nobody_has_configured_comes_from_the_file(file: Path, home: Path) -> None:
    file.write_text(WHOLE)
    config = {"policy_file": str(file), "images_dir": "/mine", "denied_registries": ["quay.io"]}
    settings = ContainerKernelsApp(config=Config({"ContainerKernelsApp": config})).values()
    assert str(settings.images_dir) == "/mine", "Jupyter's configuration wins"
    assert settings.denied_registries == ["quay.io"]
    assert settings.allowed_registries == ["docker.io/pytorch", "*.example.org", "library://site"]
    assert settings.support_text == "Ask the help desk."
    assert settings.digest_required
    assert settings.policy.problems == []


def test_a_wrong_file_leaves_the_settings_as_they_are(file: Path, home: Path) -> None:
    file.write_text("x = = 1")
    settings = ContainerKernelsApp(config=Config({"ContainerKernelsApp": {"policy_file": str(file)}})).values()
    assert settings.allowed_registries is None
    assert len(settings.policy.problems) == 1


def test_a_value_that_a_setting_refuses_all_the_same_breaks_nothing(
    file: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = PolicyFile(file, {"trash_days": -1.0, "support_text": "Ask."})
    monkeypatch.setattr(policy_file, "read", lambda _path: found)
    settings = ContainerKernelsApp(policy_file=str(file)).values()
    assert (settings.trash_days, settings.support_text) == (7.0, "Ask.")
    assert [each.key for each in settings.policy.problems] == ["trash_days"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allowed_registries", ["pytorch"]),
        ("denied_paths", ["relative"]),
        ("catalogue", [{"title": "A"}]),
        ("catalogue", [{"title": "A", "image": "x:1", "colour": "x"}]),
        ("support_link", "ftp://x"),
        ("site_images", ["relative"]),
        ("shared_kernel_dirs", ["/x/$NO_SUCH"]),
        ("pull_job_options", ["time=60"]),
        ("default_environment", {"PATH": "/x"}),
    ],
)
def test_a_setting_is_checked_as_the_file_is(name: str, value: object) -> None:
    with pytest.raises(TraitError, match=name):
        setattr(ContainerKernelsApp(), name, value)


def test_folders_of_shared_kernels_come_from_the_file(file: Path, home: Path) -> None:
    file.write_text('[folders]\nshared_kernels = ["/lab/", "/mine"]\n')
    app = ContainerKernelsApp(policy_file=str(file))
    assert app.with_shared(["/mine/kernels"]) == ["/mine/kernels", "/lab/kernels"]


def test_a_folder_of_a_colleague_takes_none_of_the_site_away(file: Path, home: Path) -> None:
    """The line that *Share…* shows writes such a configuration."""
    file.write_text('[folders]\nshared_kernels = ["/apps/shared"]\n')
    config = Config()
    config.ContainerKernelsApp.shared_kernel_dirs.append("/project/lab")
    app = ContainerKernelsApp(policy_file=str(file), config=config)
    assert app.with_shared([]) == ["/project/lab/kernels", "/apps/shared/kernels"]


async def test_a_file_that_answers_late_holds_once_nothing_runs(hanging: Path, home: Path) -> None:
    app = ContainerKernelsApp(policy_file=str(hanging), serverapp=MagicMock())
    assert app.services.session.settings.policy.path == hanging
    assert app.services.session.settings.policy.problems
    before = app.services
    assert app.services is before, "nothing has come"
    answer(hanging, '[support]\ntext = "Ask."\n')
    before.tasks._running["task"] = MagicMock()
    wait_for(app._has_policy_come)
    assert app.services is before, "a task runs"
    before.tasks._running.clear()
    assert app.services is not before
    assert app.services.session.settings.support_text == "Ask."
    assert app.services is app.services
    await app.stop_extension()


# ---- from a terminal


@pytest.fixture
def private(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Directories in which no configuration lies."""
    for name in ("DATA", "CONFIG", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(home / name))
    monkeypatch.setattr(paths, "SYSTEM_CONFIG_PATH", [])
    monkeypatch.setattr(paths, "ENV_CONFIG_PATH", [str(home / "etc")])


def test_a_file_is_checked_before_it_holds(
    private: None, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    file.write_text('[registries]\n\nalow = ["ghcr.io"]\n')
    assert cli.main(["policy", "--check", file.name]) == 1
    assert capsys.readouterr().out == (
        f"{file}: line 3: registries.alow is unknown; is it allow?\n"
        "  Until it is mended, no images from registries can be added but those offered.\n"
    )
    assert cli.main(["policy", "--check", file.name, "--json"]) == 1
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["line"], problem["closes"]) == (3, ["registries"])
    file.write_text(WHOLE)
    assert cli.main(["policy", "--check", file.name]) == 0
    assert "is fine. It sets support_text, support_link, images_dir" in capsys.readouterr().out


def test_the_catalogue_is_listed(private: None, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy"]) == 0
    assert cli.main(["catalogue"]) == 0
    assert "There is no policy file.\nYour site has no catalogue" in capsys.readouterr().out
    (home / "etc").mkdir()
    (home / "etc" / policy_reading.NAME).touch(0o644)
    (home / "etc" / policy_reading.NAME).write_text(WHOLE)
    assert cli.main(["catalogue"]) == 0
    assert "PyTorch 2.9" in capsys.readouterr().out
    assert cli.TerminalJupyter().kernel_dirs[-1] == "/project/kernels/kernels"
    assert cli.main(["catalogue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["catalogue"][0]["language"] == "Python"
