"""What tools printed, as it was recorded, and what a person is told."""

from __future__ import annotations

import pytest

from jupyterlab_container_kernels.errors import STATUS
from jupyterlab_container_kernels.failures import CATALOGUE, explain, last_words

#: One recorded text (or more) for each row of the catalogue, in its order: the code, and a word of the sentence.
RECORDED: list[list[tuple[str, str, str]]] = [
    [
        ("FATAL:   While performing build: write /t/squashfs-1: no space left on device", "disk_full", "room"),
        ("FATAL:   write /scratch/x: disk quota exceeded", "disk_full", "room"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk_full", "room"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk_full", "room"),
    ],
    [
        ("FATAL: While performing build: mksquashfs command failed: signal: killed", "runtime_failed", "memory"),
        ("MemoryError", "runtime_failed", "memory"),
        ("OpenBLAS: fork: Cannot allocate memory", "runtime_failed", "memory"),
    ],
    [
        ("FATAL:   While making image from oci registry: error fetching image to cache: failed to get checksum for "
         "docker://debian:nope: reading manifest nope in docker.io/library/debian: manifest unknown",
         "image_not_found", "no such image"),
        ("name unknown: repository name not known to registry", "image_not_found", "no such image"),
    ],
    [
        ("FATAL:   While making image from oci registry: error fetching image to cache: failed to get checksum for "
         "docker://x/y: reading manifest latest in registry.example/x/y: unauthorized: authentication required",
         "login_needed", "does not let you"),
        ("denied: requested access to the resource is denied", "login_needed", "does not let you"),
    ],
    [("FATAL:   Unable to get library client configuration: remote has no library client (see "
      "https://apptainer.org/docs/user/latest/endpoint.html#no-default-remote): no default remote with library client "
      "in use", "registry_unreachable", "library")],
    [
        ("FATAL:   pinging container registry localhost:1: Get \"http://localhost:1/v2/\": dial tcp [::1]:1: connect: "
         "connection refused", "registry_unreachable", "does not answer"),
        ("dial tcp: lookup registry.example: no such host", "registry_unreachable", "does not answer"),
        ("net/http: TLS handshake timeout", "registry_unreachable", "does not answer"),
    ],
    [("FATAL:   pinging container registry 10.0.0.1:5000: Get \"https://10.0.0.1:5000/v2/\": http: server gave HTTP "
      "response to HTTPS client", "registry_unreachable", "plain HTTP")],
    [("FATAL:   unable to parse image name docker://A: invalid reference format: repository name must be lowercase",
      "invalid_reference", "cannot be read")],
    [
        ("ERROR  : Failed to create user namespace: user namespace disabled", "runtime_failed", "without root"),
        ("ERROR  : Failed to create user namespace: not allowed", "runtime_failed", "without root"),
        ("INFO: user namespaces are not enabled", "runtime_failed", "without root"),
    ],
    [("ERROR  : Requesting capability set 0x000001ffffffffff while permitted capability set is 0x000001fffeffffff",
      "runtime_failed", "root lacks")],
    [
        ("FATAL:   could not open image /x.sif: image format not recognized", "image_unusable", "damaged"),
        ("FATAL:   container creation failed: mount hook function failure: squashfuse_ll exited: exit status 1",
         "image_unusable", "damaged"),
    ],
    [("FATAL:   exec /usr/bin/python3 failed: exec format error", "wrong_architecture", "another kind of processor")],
    [("FATAL:   container creation failed: mount hook function failure: mount /nope->/data error: while mounting "
      "/nope: mount source /nope doesn't exist", "invalid_bind", "/nope is not there")],
    [("ImportError: libstdc++.so.6: cannot open shared object file: No such file or directory", "install_failed",
      "lacks the library libstdc++.so.6")],
    [("ERROR: Could not find a version that satisfies the requirement ipykernel (from versions: none)\n"
      "ERROR: No matching distribution found for ipykernel", "install_failed", "no ipykernel that fits")],
    [
        ("WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError: Failed to establish a new "
         "connection: [Errno -3] Temporary failure in name resolution'", "install_failed", "cannot reach"),
        ("pip._vendor.urllib3.exceptions.ConnectTimeoutError: ConnectTimeout", "install_failed", "cannot reach"),
    ],
    [("ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "install_failed",
      "certificate")],
]  # fmt: skip


def test_each_row_of_the_catalogue_has_a_recorded_text() -> None:
    assert len(RECORDED) == len(CATALOGUE)


@pytest.mark.parametrize("row", range(len(RECORDED)), ids=lambda row: CATALOGUE[row].pattern[:30])
def test_a_recorded_text_is_explained_by_its_row(row: int) -> None:
    for text, code, words in RECORDED[row]:
        error = explain(f"INFO:    Starting build...\n{text}\nmore\n", "pulling the image", "runtime_failed")
        assert (error.code, error.hint) == (code, CATALOGUE[row].hint)
        assert words in error.message
        assert "{" not in error.message


@pytest.mark.parametrize("failure", CATALOGUE, ids=lambda failure: failure.pattern[:30])
def test_every_row_has_a_code_of_the_contract_a_sentence_and_a_hint(failure) -> None:
    assert failure.code in STATUS
    assert failure.message.endswith(".") and failure.hint.endswith(".")


def test_what_is_not_known_is_told_in_the_tools_own_words() -> None:
    output = "INFO:    Starting build...\nFATAL:   While performing build: the moon is in the wrong phase\n\n"
    error = explain(output, "pulling the image", "runtime_failed")
    assert error.code == "runtime_failed"
    assert error.message == (
        "Pulling the image failed: FATAL:   While performing build: the moon is in the wrong phase"
    )  # fmt: skip
    assert error.hint == "The log tells the rest."


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "it said nothing"),
        ("\n  \n", "it said nothing"),
        ("first\nlast\n", "last"),
        ("ERROR: the reason\nand more talk\n", "ERROR: the reason"),
        ("Traceback (most recent call last):\n  File\nImportError: no zmq\n[exited]\n", "ImportError: no zmq"),
        ("x" * 1000, "x" * 297 + "…"),
    ],
)
def test_the_line_that_says_most_is_chosen(output: str, words: str) -> None:
    assert last_words(output) == words


def test_braces_in_a_tools_words_are_no_placeholders() -> None:
    error = explain("mount source /{action}{0} doesn't exist", "starting the kernel", "verify_failed")
    assert "/{action}{0}" in error.message
