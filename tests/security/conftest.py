"""The server and its client are those of the tests of the API."""

from tests.api.conftest import (  # noqa: F401
    client,
    extension,
    image,
    jp_server_config,
    roots,
    search_path,
    services,
    settings,
)
