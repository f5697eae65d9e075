"""What somebody could type, or a program send, to make something else of it; and requests of it without number."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.api.conftest import CONTRACT

#: Run by whoever takes text for a command, they make a file of this name.
MARK = "PWNED"
#: Each as it would be sent.
VALUES = [
    "two\nlines\ntouch PWNED",
    "\r\nSet-Cookie: a=b",
    "'; touch PWNED; '",
    '"; touch PWNED; "',
    "'\"'\"'; touch PWNED #",
    "$(touch PWNED)",
    "`touch PWNED`",
    "${IFS}$(touch${IFS}PWNED)",
    "a; touch PWNED",
    "a && touch PWNED || touch PWNED",
    "a | touch PWNED",
    "> PWNED",
    "null\0byte",
    "line\u2028separator\u2029paragraph",
    "\u202egpj.exe",  # read from right to left
    "%s%n%d%(x)s %%",
    "{} {0} {x!r} {{7*7}} {% raw %} ${7*7}",
    "{connection_file}",
    "{resource_dir}",
    "-o",
    "--bind=/:/host",
    "../../../../etc/passwd",
    "~root/x",
    "\\",
    "\\'",
    "!!",
    "*",
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "]]>\x1b[2J\x07",
    "\ud800",
    "é\u0301\U0001f680",
    "x" * 100_000,
    " ",
    "",
]

OPERATIONS = [
    (verb, path, item[verb])
    for path, item in CONTRACT["paths"].items()
    for verb in ("get", "post", "patch", "put", "delete")
    if verb in item
]
#: What takes no text is asked less often.
_WEIGHTS = [10 if "requestBody" in each or "parameters" in each or "{" in path else 1 for _, path, each in OPERATIONS]
_PARTS = {"slug": ["demo", "a", "nobody"], "item_id": ["0" * 16], "task_id": ["0" * 32]}
#: What a JSON value can be, beside texts.
_OTHERS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1 << 70,
    1.5,
    1e308,
    float("inf"),
    float("nan"),
    [],
    {},
    [[]],
    {"": {}},
    [None],
]


def _text(chance: random.Random) -> str:
    kind = chance.randrange(6)
    if kind < 3:
        return chance.choice(VALUES)
    if kind == 3:
        return "".join(chr(chance.choice((chance.randrange(128), chance.randrange(0x11000)))) for _ in range(9))
    return chance.choice(
        ["demo", "a:1", "docker://x.invalid/a:1", "oras://x.invalid/a", "/", "/tmp", "/proc/self/mem", "/dev/zero", "~"]
    )


def value(schema: dict[str, Any], chance: random.Random, depth: int = 0) -> Any:
    """Make what a schema asks for, now and then something else."""
    if "$ref" in schema:
        schema = CONTRACT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if chance.random() < 0.08 or depth > 4:
        return chance.choice([*_OTHERS, _text(chance)])
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return value(chance.choice(schema[several]), chance, depth)
    if "enum" in schema and chance.random() < 0.8:
        return chance.choice(schema["enum"])
    kind = schema.get("type", "string")
    kind = chance.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        needed = schema.get("required", [])
        made = {
            name: value(each, chance, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if name in needed or chance.random() < 0.4
        }
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            made |= {_text(chance): value(more, chance, depth + 1) for _ in range(chance.randrange(3))}
        if chance.random() < 0.05:
            made[_text(chance)] = _text(chance)
        return made
    if kind == "array":
        return [value(schema["items"], chance, depth + 1) for _ in range(chance.choice((0, 1, 2, 30)))]
    return {"boolean": True, "integer": chance.choice((0, 1, -1, 1 << 64)), "number": 1.5, "null": None}.get(
        kind, _text(chance)
    )


def request(chance: random.Random) -> tuple[str, str, bytes | None]:
    """Make a request: verb, path below our namespace, and body; JSON, or what is none."""
    from urllib.parse import quote

    verb, path, operation = chance.choices(OPERATIONS, _WEIGHTS)[0]
    for name, usual in _PARTS.items():
        own = quote(_text(chance)[:2000].encode("utf-8", "replace"), safe="")
        path = path.replace(f"{{{name}}}", chance.choice(usual) if chance.random() < 0.9 else own)
    given = operation.get("parameters", [])
    if given and chance.random() < 0.8:
        name = chance.choice(given).get("name", "x")
        path += f"?{name}={quote(_text(chance)[:2000].encode('utf-8', 'replace'))}"
    if verb == "get":
        return verb, path[1:], None
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body = json.dumps(value(content or {"type": "object"}, chance)).encode()
    if chance.random() < 0.1:
        body = chance.choice((b"", b"\0", b"{", body[:-1], chance.randbytes(50), b"[" * 50_000, b"\xff" + body))
    return verb, path[1:], body
