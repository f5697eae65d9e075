"""The runtime is found in sessions as sites shape them: real shells, hostile dotfiles, real modules of both kinds."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.app import ContainerKernelsApp
from jupyterlab_container_kernels.errors import ContainerKernelsError
from jupyterlab_container_kernels.runtimes.apptainer import Apptainer
from jupyterlab_container_kernels.services import runtime_ladder
from jupyterlab_container_kernels.services.runtime_ladder import RuntimeLadder
from jupyterlab_container_kernels.system import modules, process, shells
from jupyterlab_container_kernels.system.modules import Difference
from jupyterlab_container_kernels.system.patience import Patience
from tests.builders import FAKE_APPTAINER

CACHE = Path(os.environ.get("CONTAINER_KERNELS_CACHE") or Path(__file__).parents[2] / ".cache")
COMMANDS = {"LMOD_CMD": CACHE / "modules" / "lmod", "MODULES_CMD": CACHE / "modules" / "modulecmd.tcl"}
PROFILES = {"LMOD_CMD": CACHE / "modules" / "lmod.sh", "MODULES_CMD": CACHE / "modules" / "modules.sh"}

Make = Callable[..., RuntimeLadder]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An Apptainer in a folder that nothing names."""
    folder = tmp_path / "apps" / "apptainer 1.4.5" / "bin"
    folder.mkdir(parents=True)
    (folder / "apptainer").symlink_to(FAKE_APPTAINER)
    return folder / "apptainer"


@pytest.fixture
def bare(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without a runtime, and without modules."""
    for name in list(os.environ):
        if name.startswith(("LMOD", "MODULE", "_Module", "__", "LOADED", "_LM", "APPTAINER", "SINGULARITY")):
            monkeypatch.delenv(name)
    folder = home / "bin"
    folder.mkdir()
    for name in ("python3", "env", "sleep"):
        (folder / name).symlink_to(process.find_program(name) or "")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(runtime_ladder, "USUAL_FOLDERS", (str(home / "no such folder"),))
    monkeypatch.setattr(modules, "_USUAL", ())


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for ``/etc/profile``."""
    monkeypatch.setattr(shells, "_PROFILE", str(tmp_path / "profile"))
    return tmp_path / "profile"


@pytest.fixture
def modulefiles(tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules as sites have them: one for the runtime among 300 others."""
    folder = tmp_path / "modulefiles"
    for number in range(300):
        (folder / f"tool{number}").mkdir(parents=True)
        (folder / f"tool{number}" / "1.0").write_text(f"#%Module\nsetenv TOOL{number} 1\n")
    (folder / "apptainer").mkdir()
    (folder / "apptainer" / "1.4.5").write_text(
        f"#%Module\nprepend-path PATH {{{program.parent}}}\nprepend-path LD_LIBRARY_PATH /apps/lib\n"
        'setenv APPTAINER_CACHEDIR {/scratch/it\'s "mine"}\nsetenv APPTAINER_DOCKER_PASSWORD secret\nsetenv EDITOR vi\n'
        "puts stderr {os.environ['APPTAINER_X'] = evil()}\n"
    )
    monkeypatch.setenv("MODULEPATH", str(folder))
    return folder


@pytest.fixture
def make() -> Iterator[Make]:
    """Return what makes a ladder as a site has configured it."""
    patience = Patience()

    def ladder(**settings: Any) -> RuntimeLadder:
        made = RuntimeLadder(ContainerKernelsApp(**settings).values(), patience, {"apptainer": Apptainer()})
        made.wait_s = 60  # whoever does not want to wait says so
        return made

    yield ladder
    patience.close()


def steps(ladder: RuntimeLadder) -> dict[str, str]:
    return {step.rung: step.outcome for step in ladder.steps}


async def refused(ladder: RuntimeLadder) -> ContainerKernelsError:
    with pytest.raises(ContainerKernelsError) as caught:
        await ladder.find()
    assert caught.value.code == "runtime_missing"
    return caught.value


#: What start-up files do, and whether the runtime that they put on PATH is found nevertheless.
DOTFILES = [
    ("echo hello; echo PROGRAM /x; printf 'no end of line'", True),
    ("read -r answer", True),
    ("cat", True),
    ("set -eu", True),
    ("alias printf=false builtin=false; type() { false; }; printf() { exit 1; }", True),
    ("trap 'exit 3' EXIT", True),
    ("exec 2>&-", True),
    ("cd /nowhere; false", True),
    ("sleep 62.5 & disown", True),  # stays behind with our pipe in its hand
    ("exit 0", False),
    ("exec cat", False),
    ("kill -KILL $$", False),
]


@pytest.mark.usefixtures("bare")
class TestInABareSession:
    """Nothing on ``PATH``."""

    async def test_every_step_is_taken_and_says_what_it_found(self, make: Make) -> None:
        ladder = make()
        assert "was found on" in (await refused(ladder)).message
        assert steps(ladder) == dict.fromkeys(["path", "module", "profile", "login", "usual"], "nothing")
        assert all(step.text.endswith(".") for step in ladder.steps)

    @pytest.mark.parametrize("settings", [{}, {"runtime_module": "apptainer"}])
    async def test_slow_steps_are_not_taken_again_at_once(
        self, make: Make, program: Path, home: Path, settings: dict[str, str]
    ) -> None:
        ladder = make(**settings)
        await refused(ladder)
        taken = ladder.steps
        (home / ".bash_profile").write_text("touch ~/again\n")
        await refused(ladder)
        assert not (home / "again").exists()
        assert ladder.steps == taken
        (home / "bin" / "apptainer").symlink_to(program)
        assert (await ladder.find()).path == str(home / "bin" / "apptainer"), "PATH is looked at each time"

    async def test_a_program_that_goes_is_looked_for_again(self, make: Make, program: Path, home: Path) -> None:
        ladder = make()
        (home / "bin" / "apptainer").symlink_to(program)
        assert (await ladder.find()).path == str(home / "bin" / "apptainer")
        (home / "bin" / "apptainer").unlink()
        (home / ".profile").write_text(f"PATH='{program.parent}':$PATH\n")
        assert (await ladder.find()).path == str(program)
        assert steps(ladder) == {"path": "nothing", "module": "nothing", "profile": "nothing", "login": "found"}

    async def test_what_the_site_named_is_taken_or_refused_but_not_replaced(
        self, make: Make, program: Path, home: Path
    ) -> None:
        (home / ".profile").write_text(f"PATH='{program.parent}':$PATH\n")
        ladder = make(runtime_path="/no/such/apptainer")
        assert "/no/such/apptainer, which your site named" in (await refused(ladder)).message
        assert steps(ladder) == {"configured": "unusable"}
        assert (await make(runtime_path=str(program)).find()).path == str(program)

    async def test_a_usual_folder_is_the_last_resort(
        self, make: Make, program: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runtime_ladder, "USUAL_FOLDERS", (str(program.parent),))
        ladder = make()
        assert (await ladder.find()).path == str(program)
        assert steps(ladder)["usual"] == "found"

    async def test_one_that_is_too_old_does_not_end_the_search(
        self, make: Make, program: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = home / "bin" / "singularity"
        old.write_text("#!/bin/sh\necho singularity version 3.5.0\n")
        old.chmod(0o755)
        ladder = make()
        assert "too old" in (await refused(ladder)).message
        monkeypatch.setattr(runtime_ladder, "USUAL_FOLDERS", (str(program.parent),))
        ladder = make()
        assert (await ladder.find()).path == str(program)
        assert steps(ladder)["path"] == "unusable"

    async def test_who_does_not_want_to_wait_is_told_so_and_the_search_goes_on(
        self, make: Make, program: Path, home: Path
    ) -> None:
        (home / ".profile").write_text(f"sleep 1; PATH='{program.parent}':$PATH\n")
        ladder = make()
        with pytest.raises(ContainerKernelsError) as caught:
            await ladder.find(wait_s=0.3)
        assert caught.value.code == "timed_out"
        assert (await ladder.find()).path == str(program)

    async def test_one_that_is_slow_to_tell_its_version_is_waited_for_no_longer_than_wanted(
        self, make: Make, program: Path, home: Path
    ) -> None:
        slow = home / "bin" / "apptainer"
        slow.symlink_to(program)
        ladder = make()
        assert (await ladder.find()).path == str(slow)
        slow.unlink()
        slow.write_text(f"#!/bin/sh\nsleep 1\nexec '{program}' \"$@\"\n")  # the site has changed it
        slow.chmod(0o755)
        with pytest.raises(ContainerKernelsError) as caught:
            await ladder.find(wait_s=0.1)
        assert caught.value.code == "timed_out"
        assert (await ladder.find()).path == str(slow)

    async def test_a_search_that_is_under_way_ends_with_the_server(self, make: Make, home: Path) -> None:
        (home / ".profile").write_text("sleep 61.5\n")
        ladder = make()
        with pytest.raises(ContainerKernelsError):
            await ladder.find(wait_s=0.7)
        await ladder.stop()
        assert not sleeping("61.5")

    async def test_a_profile_of_the_site_has_it_on_its_path(self, make: Make, program: Path, profile: Path) -> None:
        profile.write_text(f"echo Welcome\nPATH='{program.parent}':$PATH\n")
        ladder = make()
        assert (await ladder.find()).path == str(program)
        assert steps(ladder) == {"path": "nothing", "module": "nothing", "profile": "found"}

    async def test_a_profile_of_the_site_that_hangs_is_left(
        self, make: Make, program: Path, profile: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runtime_ladder, "_PROFILE_TIMEOUT_S", 0.5)
        profile.write_text("sleep 66.5\n")
        (home / ".profile").write_text(f"PATH='{program.parent}':$PATH\n")
        ladder = make()
        assert (await ladder.find()).path == str(program)
        assert steps(ladder) == {"path": "nothing", "module": "nothing", "profile": "unknown", "login": "found"}
        assert not sleeping("66.5")

    @pytest.mark.parametrize(("line", "is_found"), DOTFILES, ids=lambda value: str(value)[:24])
    async def test_dotfiles_may_do_what_they_like(
        self, make: Make, program: Path, home: Path, line: str, is_found: bool
    ) -> None:
        (home / ".bash_profile").write_text(f"PATH='{program.parent}':/usr/bin:/bin\n{line}\n")
        ladder = make()
        if is_found:
            assert (await ladder.find()).path == str(program)
        else:
            await refused(ladder)
            assert steps(ladder)["login"] == "unknown"
        assert not sleeping("62.5")

    async def test_a_dotfile_that_hangs_is_left(self, make: Make, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runtime_ladder, "_LOGIN_TIMEOUT_S", 0.5)
        (home / ".bash_profile").write_text("trap '' INT TERM HUP\nwhile true; do /bin/sleep 63.5; done\n")
        ladder = make()
        started = time.monotonic()
        await refused(ladder)
        assert time.monotonic() - started < 12
        assert steps(ladder)["login"] == "unknown"
        assert not sleeping("63.5")

    @pytest.mark.parametrize("variable", COMMANDS)
    async def test_a_module_is_loaded_without_a_shell(
        self, make: Make, program: Path, modulefiles: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, str(COMMANDS[variable]))
        ladder = make()
        found = await ladder.find()
        assert (found.path, found.module) == (str(program), "apptainer/1.4.5")
        assert found.difference == Difference(
            {"APPTAINER_CACHEDIR": '/scratch/it\'s "mine"'},
            {"PATH": str(program.parent), "LD_LIBRARY_PATH": "/apps/lib"},
        ), "neither what others need nor what logs in"
        assert steps(ladder) == {"path": "nothing", "module": "found"}

    async def test_a_module_command_is_found_on_path(
        self, make: Make, program: Path, modulefiles: Path, home: Path
    ) -> None:
        command = home / "bin" / "modulecmd"
        command.write_text(f'#!/bin/sh\nexec {COMMANDS["MODULES_CMD"]} "$@"\n')
        command.chmod(0o755)
        ladder = make()
        found = await ladder.find()
        assert (found.path, found.module) == (str(program), "apptainer/1.4.5")
        assert steps(ladder) == {"path": "nothing", "module": "found"}

    @pytest.mark.parametrize("variable", COMMANDS)
    async def test_a_site_may_name_the_module(
        self, make: Make, program: Path, modulefiles: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.setenv(variable, str(COMMANDS[variable]))
        (modulefiles / "apptainer").rename(modulefiles / "containers")
        await refused(make())
        ladder = make(runtime_module="containers")
        assert (await ladder.find()).module == "containers/1.4.5"
        assert steps(ladder) == {"configured": "found"}

    @pytest.mark.parametrize("variable", COMMANDS)
    async def test_a_login_shell_loads_it_where_the_session_knows_no_modules(
        self, make: Make, program: Path, modulefiles: Path, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        monkeypatch.delenv("MODULEPATH")
        (home / ".profile").write_text(f"PATH=/usr/bin:/bin\n. {PROFILES[variable]}\nmodule use {modulefiles}\n")
        ladder = make()
        found = await ladder.find()
        assert (found.path, found.module) == (str(program), "apptainer/1.4.5")
        assert found.difference.values == {"APPTAINER_CACHEDIR": '/scratch/it\'s "mine"'}
        assert str(program.parent) in found.difference.before["PATH"]
        assert steps(ladder)["login"] == "found"

    async def test_a_module_command_that_hangs_is_left(
        self, make: Make, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(runtime_ladder, "_MODULE_TIMEOUT_S", 0.5)
        hanging = home / "lmod"
        hanging.write_text("#!/bin/sh\nexec /bin/sleep 64.5\n")
        hanging.chmod(0o755)
        monkeypatch.setenv("LMOD_CMD", str(hanging))
        ladder = make()
        await refused(ladder)
        assert steps(ladder)["module"] == "unknown"


def sleeping(seconds: str) -> bool:
    """Tell whether something still sleeps for a time that only one test names."""
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = cmdline.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[-2:] == [seconds.encode(), b""]:
            return True
    return False


#: What a module command prints, and the variables that this sets.
PRINTED = [
    ('os.environ["A"] = "/x y";\n', {"A": "/x y"}),  # Lmod
    ("os.environ['A'] = 'it\\'s \\\"q\\\"'\n", {"A": 'it\'s "q"'}),  # Tcl modules
    ("os.environ['A'] = 'ü🚀'\n", {"A": "ü🚀"}),
    ("del os.environ['A']\n_mlstatus = False\n", {}),
    ("os.environ['A'] = __import__('os').system('touch pwned')\n", {}),  # never run
    ("os.environ[f()] = 'x'\nos.environ['A'] = 'x' + 'y'\nos.environ['A'] = b'x'\nos.environ['A'] = 1\n", {}),
    ("os.environ['A'] = 'cut off\n", {}),
    ("os.environ['A']\nos.environ['A'] = b = 'x'\nos.environ['A'].b = 'x'\n", {}),
    ("Loading apptainer\nos.environ['A'] = 'x'\nLmod Warning: hm\n", {"A": "x"}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "variables"), PRINTED)
def test_what_a_module_command_prints_is_read_and_not_run(text: str, variables: dict[str, str]) -> None:
    assert modules.read(text) == variables


def test_a_difference_goes_before_what_there_is() -> None:
    changes = Difference({"A": "1"}, {"PATH": "/m/bin", "LD_LIBRARY_PATH": "/m/lib"})
    assert changes.applied({"PATH": "/usr/bin", "B": "2"}) == {
        "A": "1", "B": "2", "PATH": "/m/bin:/usr/bin", "LD_LIBRARY_PATH": "/m/lib",
    }  # fmt: skip


async def test_looking_does_not_keep_the_event_loop(
    make: Make, bare: None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_ladder, "_LOGIN_TIMEOUT_S", 1.0)
    (home / ".profile").write_text("while :; do :; done\n")
    search = asyncio.ensure_future(make().find())
    longest, last = 0.0, time.monotonic()
    while not search.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert isinstance(search.exception(), ContainerKernelsError)
    assert longest < 0.9, "as long as the shell, which has a second"
