"""Who may ask, and how: every route and verb, allowed and denied."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
from jupyter_server.auth import Authorizer

from jupyterlab_container_kernels import routes

from .conftest import CONTRACT, Client

SCHEMAS, PARAMETERS = CONTRACT["components"]["schemas"], CONTRACT["components"]["parameters"]
TASK = "0" * 32


def example(path: str) -> str:
    """Fill in the parts of a path with what the contract says that they look like."""
    for parameter in PARAMETERS.values():
        digits = re.fullmatch(r"\^\[0-9a-f\]\{(\d+)\}\$", parameter["schema"]["pattern"])
        path = path.replace(f"{{{parameter['name']}}}", "0" * int(digits[1]) if digits else "demo")
    return path.removeprefix("/")


def empty_answer(verb: str, path: str) -> int:
    """Return the status with which a server without kernels answers ``{}``, as the contract has it."""
    content = CONTRACT["paths"][path][verb].get("requestBody", {}).get("content", {})
    needs = [SCHEMAS[each["schema"]["$ref"].rpartition("/")[2]].get("required") for each in content.values()]
    if any(needs):
        return 400
    return 404 if "{" in path else 200


OPERATIONS = [
    (verb, path)
    for path, item in CONTRACT["paths"].items()
    for verb in ("get", "post", "put", "patch", "delete")
    if verb in item
]
#: Every path of the contract with its verbs: a new one is covered by all that follows.
ALLOWED = [(verb, example(path)) for verb, path in OPERATIONS]
MUTATING = [(verb, path) for verb, path in ALLOWED if verb != "get"]


async def test_whoever_has_the_token_may_ask(client: Client) -> None:
    for verb, path in OPERATIONS:
        answer = await client(verb, example(path))
        assert answer.status == empty_answer(verb, path), (verb, path)


async def test_without_a_token_nothing_is_told(client: Client) -> None:
    for verb, path in ALLOWED:
        for authorization in ("", "token wrong", "Bearer x"):
            answer = await client(verb, path, Authorization=authorization)
            answer.refused("forbidden")


class AllowReading(Authorizer):
    """Lets everybody look, and nobody change anything."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return action == "read" and resource == "container-kernels"


class TestWithAnAuthorizerThatAllowsReading:
    @pytest.fixture
    def jp_server_config(self, jp_server_config: Any) -> Any:
        jp_server_config.ServerApp.authorizer_class = AllowReading
        return jp_server_config

    async def test_what_is_read_is_answered_and_nothing_is_changed(self, client: Client) -> None:
        for verb, path in OPERATIONS:
            answer = await client(verb, example(path))
            assert answer.status == (empty_answer(verb, path) if verb == "get" else 403), (verb, path)


class DenyAll(Authorizer):
    """Lets nobody do anything with our resource, and notes what was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return False


class TestWithAnAuthorizerThatDenies:
    """A site may say who may do what (`ServerApp.authorizer_class`)."""

    @pytest.fixture
    def jp_server_config(self, jp_server_config: Any) -> Any:
        jp_server_config.ServerApp.authorizer_class = DenyAll
        return jp_server_config

    async def test_every_route_asks_it_and_obeys(self, client: Client) -> None:
        for verb, path in [*ALLOWED, ("get", "no/such/route")]:
            DenyAll.asked.clear()
            (await client(verb, path)).refused("forbidden")
            assert DenyAll.asked == [("read" if verb == "get" else "write", "container-kernels")], path


async def test_a_page_from_elsewhere_is_refused(client: Client, jp_serverapp: Any) -> None:
    """With a cookie, which a browser sends along whoever asks; a token proves that the page is Jupyter's own."""
    token = jp_serverapp.identity_provider.token
    entered = await client.raw("get", f"info?token={token}", None, {})
    cookies = "; ".join(cookie.partition(";")[0] for cookie in entered.headers.get_list("Set-Cookie"))
    assert cookies
    own = {"Cookie": cookies, "Referer": f"http://127.0.0.1:{jp_serverapp.port}/"}
    foreign = own | {"Origin": "http://evil.example", "Referer": "http://evil.example/"}
    assert (await client.raw("get", "info", None, own)).status == 200, "the cookie is one"
    for verb, path in ALLOWED:
        body = None if verb == "get" else b"{}"
        answer = await client.raw(verb, path, body, foreign | {"Content-Type": "application/json"})
        assert answer.status in (403, 404), (verb, path)
        assert "runtimes" not in answer.body


async def test_a_cookie_alone_changes_nothing(client: Client, jp_serverapp: Any) -> None:
    """Jupyter's own check: who asks with a cookie has to show what only a page of this server can read."""
    token = jp_serverapp.identity_provider.token
    entered = await client.raw("get", f"info?token={token}", None, {})
    cookies = "; ".join(cookie.partition(";")[0] for cookie in entered.headers.get_list("Set-Cookie"))
    own = {"Cookie": cookies, "Referer": f"http://127.0.0.1:{jp_serverapp.port}/", "Content-Type": "application/json"}
    for verb, path in MUTATING:
        answer = await client.raw(verb, path, b"{}", own)
        assert (answer.status, "_xsrf" in answer.refused("forbidden")) == (403, True), (verb, path)


#: What a form or a script of another page could send without being asked, and what is no type.
FOREIGN_TYPES = [
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "*/*",
]


async def test_what_another_page_could_send_is_refused(client: Client) -> None:
    for verb, path in MUTATING:
        for kind in FOREIGN_TYPES:
            (await client(verb, path, {}, **{"Content-Type": kind})).refused("unsupported_media_type")


async def test_json_is_json_in_all_its_spellings(client: Client) -> None:
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON ;x=y"):
        (await client("post", "resolve", {}, **{"Content-Type": kind})).refused("unreadable")


async def test_a_verb_that_a_route_lacks_is_answered_in_our_words(client: Client) -> None:
    for path in {path for _, path in ALLOWED}:
        for verb in ("get", "post", "put", "patch", "delete"):
            if (verb, path) not in ALLOWED:
                answer = await client(verb, path)
                assert (answer.status, answer.body["code"]) == (405, "unreadable"), (verb, path)


#: What stands where a kernel's name belongs.
NO_SLUGS = [
    "a%2Fb",  # some proxies hand it on, some do not
    "..",
    "%2e%2e",
    "..%2f..%2fetc",
    "A",
    "Demo",
    "-a",
    "_a",
    ".a",
    "a%20b",
    "a" * 81,
    "%00",
    "%C3%BC",
    "a%0a",
    "%64emo",  # demo, written so that a rule for it might not match
    "",
]


async def test_a_name_that_no_kernel_has_is_unknown_in_our_words(client: Client) -> None:
    for slug in NO_SLUGS:
        for verb, path in (("get", ""), ("delete", ""), ("get", "/log")):
            (await client(verb, f"kernels/{slug}{path}")).refused("not_found")


async def test_a_name_that_no_task_has_is_unknown_in_our_words(client: Client) -> None:
    for task in ("0", "0" * 31, "0" * 33, "g" * 32, "A" * 32, "..%2f" + "0" * 27):
        for verb, path in (("get", ""), ("delete", ""), ("get", "/log")):
            (await client(verb, f"tasks/{task}{path}")).refused("not_found")


async def test_an_address_that_is_none_is_unknown_in_our_words(client: Client) -> None:
    for path in ("nothing", "kernels/demo/nothing", "info/", "kernels/", f"tasks/{TASK}/x", "kernels/a/b/c"):
        for verb in ("get", "post", "put", "patch", "delete"):
            (await client(verb, path)).refused("not_found")


def test_the_table_above_is_the_whole_contract() -> None:
    assert len(ALLOWED) == sum(
        hasattr(handler, verb) and verb in vars(handler)
        for _, handler in routes.ROUTES
        for verb in ("get", "post", "put", "patch", "delete")
    )
    assert all(re.fullmatch(r"[a-z0-9/]+", path) for _, path in ALLOWED)
