"""A PostgreSQL server as StatefulStores describe it, in both generations."""

from __future__ import annotations

from dataclasses import dataclass

from cloudstate.compiler.migration.fields import Fields, or_empty, present
from cloudstate.compiler.source import Mapping

_MOUNT = "mount the file with a kustomize patch, and name it in the address, as libpq does (`sslrootcert=...`)"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server, as a StatefulStore describes it."""

    host: str = "HOST"
    port: int = 5432
    database: str = "cloudstate"
    schema: str = ""
    sslmode: str = ""
    secret: str = ""
    keys: tuple[str, str] = ("username", "password")
    is_cloud_sql: bool = False

    def address(self, database: str = "", schema: str = "") -> str:
        """The address of a journal there, without credentials; the arguments go before what the server says."""
        options = (("sslmode", self.sslmode), ("schema", schema or self.schema))
        query = "&".join(f"{key}={it}" for key, it in options if it)
        place = f"postgresql://USER:PASSWORD@{self.host}:{self.port}/{database or self.database}"
        return f"{place}?{query}" if query else place

    def where(self, override: str) -> str:
        """Where user and password are found today."""
        if self.is_cloud_sql:
            return "the address is in the Secret `postgres-cnx-STORE`, user and password in `postgres-creds-SERVICE`"
        secret = override or self.secret
        if not secret:
            return "its document has the user and the password"
        return f"the Secret `{secret}` has the user under `{self.keys[0]}` and the password under `{self.keys[1]}`"


def server_of(store: Mapping, fields: Fields) -> Server:
    """The server in the ``spec`` of a store."""
    first = fields.mapping(store, "config")
    return _first_server(first, fields) if first else _second_server(fields.mapping(store, "postgres"), fields)


def _second_server(written: Mapping | None, fields: Fields) -> Server:
    credentials = fields.mapping(written, "credentials")
    ssl = fields.mapping(written, "ssl")
    cloud = present(written, "googleCloudSql")
    fields.left(written, ("host", "port", "credentials", "ssl", "googleCloudSql"), {})
    fields.left(credentials, ("secret", "usernameKey", "passwordKey", "databaseKey"), {})
    fields.left(ssl, ("mode",), dict.fromkeys(("secret", "rootCert", "cert", "key", "password"), _MOUNT))
    return Server(
        host=or_empty(fields.text(written, "host")) or "HOST",
        port=_port(written, fields),
        sslmode=or_empty(fields.text(ssl, "mode")),
        secret=or_empty(fields.text(fields.mapping(credentials, "secret"), "name")),
        keys=_keys(credentials, fields),
        is_cloud_sql=cloud is not None,
    )


def _first_server(written: Mapping, fields: Fields) -> Server:
    literal = fields.mapping(written, "credentials")
    secret = fields.mapping(written, "credentialsFromSecret")
    fields.left(written, ("service", "port", "credentials", "credentialsFromSecret"), {})
    fields.left(literal, ("database", "username", "password", "schema"), {})
    fields.left(secret, ("name", "databaseKey", "usernameKey", "passwordKey", "schemaKey"), {})
    return Server(
        host=or_empty(fields.text(written, "service")) or "HOST",
        port=_port(written, fields),
        database=or_empty(fields.text(literal, "database")) or "cloudstate",
        schema=or_empty(fields.text(literal, "schema")),
        secret=or_empty(fields.text(secret, "name")),
        keys=_keys(secret, fields),
    )


def _keys(parent: Mapping | None, fields: Fields) -> tuple[str, str]:
    user, password = fields.text(parent, "usernameKey"), fields.text(parent, "passwordKey")
    return or_empty(user) or "username", or_empty(password) or "password"


def _port(parent: Mapping | None, fields: Fields) -> int:
    port = fields.number(parent, "port")
    return port.value if port else 5432
