"""``openapi.yaml`` is the contract; the routes, the dataclasses and the errors are held to it."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

import jupyterlab_container_kernels
from jupyterlab_container_kernels import models, routes
from jupyterlab_container_kernels.app import EVENT_SCHEMA
from jupyterlab_container_kernels.errors import STATUS, ContainerKernelsError
from jupyterlab_container_kernels.services.task_files import LOG_CHUNK_BYTES
from jupyterlab_container_kernels.system.kernelspecs import SLUG

PACKAGE = Path(jupyterlab_container_kernels.__file__).parent
TEXT = (PACKAGE / "openapi.yaml").read_text()
CONTRACT: dict[str, Any] = yaml.safe_load(TEXT)
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
VERBS = ("get", "post", "put", "patch", "delete")


def test_every_path_of_the_contract_has_a_route_and_the_other_way_round() -> None:
    promised = ["/" + re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", path) for path, _ in routes.ROUTES]
    assert promised == list(CONTRACT["paths"])


@pytest.mark.parametrize("route", routes.ROUTES, ids=lambda route: route[0][:24])
def test_a_route_answers_the_verbs_of_the_contract_and_no_other(route: tuple[str, type]) -> None:
    path = "/" + re.sub(r"\(\?P<(\w+)>[^)]*\)", r"{\1}", route[0])
    has = {verb for verb in VERBS if verb in vars(route[1])}
    assert has == set(CONTRACT["paths"][path]) & set(VERBS)


@pytest.mark.parametrize("parameter", ["Slug", "ItemId", "TaskId"])
def test_names_in_paths_match_what_the_contract_says(parameter: str) -> None:
    told = CONTRACT["components"]["parameters"][parameter]
    pattern = told["schema"]["pattern"].removeprefix("^").removesuffix("$")
    assert any(f"(?P<{told['name']}>{pattern})" in path for path, _ in routes.ROUTES)
    if parameter == "Slug":
        assert pattern == SLUG.pattern


def schema_of(hint: Any) -> dict[str, Any]:
    """Return the JSON schema of a type, in the way in which the contract writes it."""
    plain = {str: "string", int: "integer", float: "number", bool: "boolean"}
    if hint in plain:
        return {"type": plain[hint]}
    if dataclasses.is_dataclass(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}  # type: ignore[union-attr]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    assert origin in (types.UnionType, typing.Union) and arguments[-1] is type(None) and len(arguments) == 2, hint
    inner = schema_of(arguments[0])
    if "$ref" in inner:
        return {"anyOf": [inner, {"type": "null"}]}
    nullable = {**inner, "type": [inner["type"], "null"]}
    if "enum" in inner:
        nullable["enum"] = [*inner["enum"], None]
    return nullable


def without_words(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what only people read, and defaults, which are compared by themselves."""
    return {key: value for key, value in schema.items() if key not in ("description", "default")}


def wire_models() -> dict[str, type]:
    return {
        name: each
        for name, each in vars(models).items()
        if isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__ == models.__name__
    }


def test_there_is_a_dataclass_for_each_schema_and_a_schema_for_each_dataclass() -> None:
    assert set(wire_models()) == set(SCHEMAS)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_dataclass_has_the_fields_of_its_schema_in_their_order(name: str) -> None:
    fields = [field.name for field in dataclasses.fields(wire_models()[name])]
    assert fields == list(SCHEMAS[name]["properties"])


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_fields_of_a_dataclass_have_the_types_of_its_schema(name: str) -> None:
    hints = typing.get_type_hints(wire_models()[name])
    promised = {field: without_words(schema) for field, schema in SCHEMAS[name]["properties"].items()}
    if name == "Error":
        del promised["code"]["enum"]  # a table by itself: errors.STATUS
    made = {field: schema_of(hint) for field, hint in hints.items()}
    if name == "Task":
        del made["phase"]["enum"]  # the wire leaves it open: the names stand in `phases`
    assert made == promised


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_field_is_required_unless_it_has_a_default_and_the_defaults_agree(name: str) -> None:
    required, defaults = [], {}
    for field in dataclasses.fields(wire_models()[name]):
        if field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory()
        elif field.default is not dataclasses.MISSING:
            defaults[field.name] = field.default
        else:
            required.append(field.name)
    assert required == SCHEMAS[name].get("required", [])
    told = {field: schema["default"] for field, schema in SCHEMAS[name]["properties"].items() if "default" in schema}
    assert defaults == told


_BODIES = set(re.findall(r"requestBody:.*?schemas/(\w+)", TEXT, re.DOTALL))


@pytest.mark.parametrize("name", [*sorted(_BODIES), "Bind"])
def test_what_comes_in_may_hold_nothing_else(name: str) -> None:
    assert len(_BODIES) > 10
    assert SCHEMAS[name]["additionalProperties"] is False


def test_every_error_code_stands_in_the_contract_and_with_its_status() -> None:
    listed = dict(re.findall(r"^ +- (\w+) +# (\d{3}) ", TEXT, re.MULTILINE))
    assert list(listed) == SCHEMAS["Error"]["properties"]["code"]["enum"]
    assert {code: int(status) for code, status in listed.items()} == {code: int(each) for code, each in STATUS.items()}


def test_the_description_of_errors_names_the_status_codes_that_are_used() -> None:
    told = set(map(int, re.findall(r"\b([45]\d\d)\b", CONTRACT["components"]["responses"]["Error"]["description"])))
    assert told <= {int(status) for status in STATUS.values()}


def test_every_answer_may_be_an_error_of_ours() -> None:
    for path in CONTRACT["paths"].values():
        for verb in set(path) & set(VERBS):
            assert path[verb]["responses"]["default"] == {"$ref": "#/components/responses/Error"}


def test_an_error_code_that_the_contract_lacks_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="no error code"):
        ContainerKernelsError("made_up", "x")


def test_the_event_schemas_are_those_that_are_emitted() -> None:
    schema = yaml.safe_load((PACKAGE / "event_schema.yaml").read_text())
    assert schema["$id"] == EVENT_SCHEMA
    assert schema["required"] == list(schema["properties"]) == ["task_id", "seq", "state"]
    schema = yaml.safe_load((PACKAGE / "kernel_event_schema.yaml").read_text())
    assert schema["$id"] == routes.KERNEL_EVENT_SCHEMA
    assert schema["required"] == list(schema["properties"]) == ["slug", "present"]


def test_the_log_comes_in_pieces_of_the_size_that_the_contract_names() -> None:
    assert LOG_CHUNK_BYTES == 256 * 1024
    assert TEXT.count("256 KiB") == 2
