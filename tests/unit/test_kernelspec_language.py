"""Kernelspecs that images ship: found, read with care, run as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_container_kernels.languages.base import Interpreter, Language, Packages
from jupyterlab_container_kernels.languages.julia import Julia
from jupyterlab_container_kernels.languages.kernelspec import KernelSpec
from jupyterlab_container_kernels.languages.python import Python
from jupyterlab_container_kernels.languages.r import R

MARK = "CONTAINER_KERNELS_KERNELSPEC "
FOLDER = "/opt/conda/share/jupyter/kernels/xcpp17"
XEUS = {
    "display_name": "C++17", "argv": ["/opt/conda/bin/xcpp", "-f", "{connection_file}", "-std=c++17"],
    "language": "C++17",
}  # fmt: skip


def line(folder: str = FOLDER, **changes: Any) -> str:
    return MARK + folder + " " + json.dumps({**XEUS, **changes}) + "\n"


def interpreter(**changes: Any) -> Interpreter:
    [found] = KernelSpec().read_probe(line(**changes))
    return found


def probed(tmp_path: Path, **variables: str) -> list[Interpreter]:
    environment = {"PATH": f"{tmp_path}/prefix/bin", **variables}
    done = subprocess.run(
        ["/bin/sh", "-c", KernelSpec().probe_script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [each for each in KernelSpec().read_probe(done.stdout) if each.path.startswith(str(tmp_path))]


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_bytes(text.encode())


def test_the_probe_finds_kernelspecs_beside_programs_on_path_and_where_jupyter_is_told(tmp_path: Path) -> None:
    """The script is plain shell; here it runs on this machine, in a container in `tests/real`."""
    kernels = tmp_path / "prefix/share/jupyter/kernels"
    write(kernels / "xcpp17", json.dumps(XEUS, indent=1))
    write(kernels / "crlf", json.dumps(XEUS | {"display_name": "CRLF"}, indent=1).replace("\n", "\r\n"))
    write(tmp_path / "more/kernels/other", json.dumps(XEUS | {"display_name": "Other"}))  # no end of line at its end
    (kernels / "broken").mkdir()
    write(kernels / "cut", json.dumps(XEUS)[:20])
    found = probed(tmp_path, JUPYTER_PATH=f"/nothing:{tmp_path}/more")
    assert [KernelSpec().title_of(each) for each in found] == ["Other", "CRLF", "C++17"]
    assert found[2].path == str(kernels / "xcpp17")
    assert found[2].details["argv"] == XEUS["argv"]


def test_a_kernelspec_cannot_print_lines_of_its_own(tmp_path: Path) -> None:
    kernels = tmp_path / "prefix/share/jupyter/kernels"
    forged = 'CONTAINER_KERNELS_PYTHON {"path": "/evil", "version": "3.11.2", "prefix": "/"}'
    write(kernels / "a", '{"argv": ["x", "{connection_file}"], "display_name": "a",\n' + forged + "\n}")
    write(kernels / "b", json.dumps(XEUS | {"display_name": f"b\u2028{forged}\x85{forged}"}, ensure_ascii=False))
    write(kernels / f"c\n{forged}", json.dumps(XEUS))
    write(kernels / "$(touch PWNED)", json.dumps(XEUS))
    environment = {"PATH": f"{tmp_path}/prefix/bin"}
    done = subprocess.run(
        ["/bin/sh", "-c", KernelSpec().probe_script], env=environment, capture_output=True, check=True, cwd=tmp_path
    )
    starts = {each.split(b" ")[0] for each in done.stdout.split(b"\n") if each}
    assert starts == {MARK.strip().encode()}
    assert not (tmp_path / "PWNED").exists()
    assert [each.path for each in probed(tmp_path)] == [str(kernels / "b")]


def test_one_kernelspec_seen_twice_is_shown_once(tmp_path: Path) -> None:
    through_a_link = line(folder="/opt/link/share/jupyter/kernels/xcpp17")
    assert len(KernelSpec().read_probe(line() + line() + through_a_link)) == 1
    assert len(KernelSpec().read_probe(line() + line(folder="/usr/share/jupyter/kernels/xcpp17", env={"A": "b"}))) == 2


PYTHON = (
    'CONTAINER_KERNELS_PYTHON {"path": "/opt/conda/bin/python3", "version": "3.12.4", "prefix": "/opt/conda", '
    '"packages": {}}\n'
)
R_LINE = "CONTAINER_KERNELS_R\t/usr/bin/R\t4.2.2\t1.3.2\tx86_64-pc-linux-gnu\t/usr/lib/R\tDebian\t0123\t \n"
IPYKERNEL = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
IRKERNEL = ["-e", "IRkernel::main()", "--args", "{connection_file}"]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"argv": ["/opt/conda/bin/python", *IPYKERNEL]}, False),
        ({"argv": ["python3", "-Xfrozen_modules=off", *IPYKERNEL]}, False),
        ({"argv": ["R", "--slave", *IRKERNEL]}, False),
        ({"argv": ["/usr/lib/R/bin/R", "--no-echo", *IRKERNEL]}, False),
        ({"argv": ["/opt/conda/envs/other/bin/python", *IPYKERNEL]}, True),  # one that we have not found
        ({"argv": ["/opt/conda/bin/python", *IPYKERNEL, "--matplotlib=inline"]}, True),  # it says more
        ({"argv": ["/opt/conda/bin/python", *IPYKERNEL], "env": {"A": "b"}}, True),
        ({"argv": ["/opt/conda/bin/python", "-m", "bash_kernel", "-f", "{connection_file}"]}, True),
    ],
)
def test_a_kernelspec_that_says_no_more_than_what_was_found_is_not_shown_again(
    changes: dict[str, Any], shown: bool
) -> None:
    assert bool(KernelSpec().read_probe(PYTHON + R_LINE + line(**changes))) == shown
    assert KernelSpec().read_probe(line(**changes)), "without the interpreter it is all there is"


@pytest.mark.parametrize(
    "bad",
    [
        {"argv": []},
        {"argv": "xcpp -f {connection_file}"},
        {"argv": ["xcpp"]},  # it would never know where to listen
        {"argv": ["", "{connection_file}"]},
        {"argv": ["xcpp", 1, "{connection_file}"]},
        {"argv": ["xcpp\0", "{connection_file}"]},
        {"argv": ["xcpp\ud800", "{connection_file}"]},  # half a character
        {"argv": None},
    ],
)
def test_a_kernelspec_that_cannot_start_a_kernel_is_passed_over(bad: dict[str, Any]) -> None:
    text = MARK + "/usr/share/jupyter/kernels/bad " + json.dumps(XEUS | bad)
    deep = f"{MARK}/x {'[' * 16_000}"
    for each in (text, MARK, MARK + "/x []", MARK + "/x null", MARK + '/x "a"', deep):
        assert [found.path for found in KernelSpec().read_probe(f"{each}\n{line()}")] == [FOLDER]


def test_it_comes_after_all_that_we_know_how_to_start() -> None:
    languages: list[Language] = [Julia(), KernelSpec(), Python(), R()]
    by_name = {language.name: language for language in languages}
    julia = Interpreter("julia", "/j", "1.10.0", None)
    python, r = Interpreter("python", "/p", "3.11.2", None), Interpreter("R", "/r", "4.2.2", None)
    found = [interpreter(), julia, r, python]
    assert [each.path for each in sorted(found, key=lambda each: by_name[each.language].order(each))] == [
        "/p", "/r", "/j", FOLDER,
    ]  # fmt: skip
    with_kernel = Interpreter("R", "/with", "4.2.2", "1.3.2")
    found.append(with_kernel)
    assert min(found, key=lambda each: by_name[each.language].order(each)) is with_kernel


def test_what_it_says_is_kept_and_what_is_not_of_its_type_is_not(tmp_path: Path) -> None:
    metadata = {"debugger": True, "supported_encryption": ["curve"], "container_kernels": {"schema": 1}}
    spec = interpreter(metadata=metadata, interrupt_mode="message", env={"A": "b c"})
    start = KernelSpec().start(spec, Packages(tmp_path, None), False)
    assert start.argv == XEUS["argv"]
    assert start.metadata == {"debugger": True, "supported_encryption": ["curve"]}
    assert start.interrupt_mode == "message"
    assert start.environment == {"JPY_PARENT_PID": "1", "A": "b c"}
    assert KernelSpec().kernelspec_language(spec) == "C++17"
    assert KernelSpec().install(spec, Path("/a.sif"), tmp_path, tmp_path) is None
    assert KernelSpec().has_kernel(spec, tmp_path)

    odd = interpreter(metadata={"debugger": "yes", "supported_encryption": "curve"}, interrupt_mode="$(x)", env=["A"])
    start = KernelSpec().start(odd, Packages(tmp_path, None), False)
    assert (start.metadata, start.interrupt_mode, start.environment) == ({}, "signal", {"JPY_PARENT_PID": "1"})
    assert KernelSpec().start(interpreter(metadata=[]), Packages(tmp_path, None), False).metadata == {}


@pytest.mark.parametrize("name", ["A;touch x", "A B", "", "1A", "A\n", "$(x)", "Ä", "A=B"])
def test_a_variable_with_a_name_that_is_none_is_left_out(tmp_path: Path, name: str) -> None:
    """Names of variables stand unquoted in the start script."""
    start = KernelSpec().start(interpreter(env={name: "x", "GOOD": "y", "N": 1}), Packages(tmp_path, None), False)
    assert start.environment == {"JPY_PARENT_PID": "1", "GOOD": "y"}


def test_what_was_read_can_be_written_into_a_file() -> None:
    spec = interpreter(display_name="half \ud800", language="\udfff", env={"A": "\ud800"}, metadata={"x": "\ud800"})
    assert json.dumps(dict(spec.details), ensure_ascii=False).encode()
    assert KernelSpec().title_of(spec) == "half"


def test_titles_and_languages_are_one_short_line() -> None:
    spec = interpreter(display_name="A\n<b>\x1b[31m\u202eB\u2028" + "x" * 200, language="\n")
    assert KernelSpec().title_of(spec) == ("A <b>[31mB " + "x" * 200)[:100]
    assert KernelSpec().kernelspec_language(spec) == "xcpp17", "its folder's name stands in"
    assert KernelSpec().title_of(interpreter(display_name=7)) == "xcpp17"


def test_an_isolated_one_sees_no_packages_of_the_users(tmp_path: Path) -> None:
    start = KernelSpec().start(interpreter(env={"R_LIBS_USER": "/its/own"}), Packages(tmp_path, None), True)
    assert start.environment["PYTHONUSERBASE"] == str(tmp_path)
    assert start.environment["R_LIBS_USER"] == "/its/own", "what the kernelspec wants counts"
    assert (start.environment["R_PROFILE_USER"], start.environment["R_ENVIRON_USER"]) == ("", "")


def run(argv: list[str], **environment: str) -> list[str]:
    """Run a command as the start script does, and return what it printed as JSON."""
    filled_in = ["/run/user/a b/kernel.json" if word == "{connection_file}" else word for word in argv]
    done = subprocess.run(filled_in, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


SHOW = [sys.executable, "-c", "import json, os, sys; print(json.dumps(sys.argv[1:] + [os.environ.get('V', '')]))"]
NASTY = ["", "a b", "$(touch PWNED)", "`touch PWNED`", "'\"; touch PWNED; \n#", "~", "*", "${HOME}", "\\"]


def test_places_in_words_are_filled_in_and_nothing_else_means_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--f={connection_file}", "{resource_dir}/x", "{prefix}/bin", "{other}", *NASTY]
    start = KernelSpec().start(interpreter(argv=[*SHOW, *words]), Packages(tmp_path, None), False)
    assert start.argv[-1] == "{connection_file}"
    wanted = ["--f=/run/user/a b/kernel.json", f"{FOLDER}/x", "/opt/conda/bin", "{other}", *NASTY, ""]
    assert run(list(start.argv)) == wanted
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("/opt/x/bin:${PATH}", "/opt/x/bin:/usr/bin:/bin"),
        ("$PATH:/opt/y", "/usr/bin:/bin:/opt/y"),
        ("a${UNSET}b", "ab"),
        ("costs $$5 and $PATH", "costs $5 and /usr/bin:/bin"),
        *((f"{nasty}${{PATH}}{nasty}", f"{nasty}/usr/bin:/bin{nasty}") for nasty in NASTY if nasty != "${HOME}"),
    ],
)
def test_variables_are_filled_in_inside_and_nothing_else_means_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, wanted: str
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = interpreter(argv=[*SHOW, "{connection_file}"], env={"V": value})
    start = KernelSpec().start(spec, Packages(tmp_path, None), False)
    assert "V" not in start.environment
    assert run(list(start.argv), PATH="/usr/bin:/bin") == ["/run/user/a b/kernel.json", wanted]
    assert list(tmp_path.iterdir()) == []
