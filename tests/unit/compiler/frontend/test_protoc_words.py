"""The ways out of what protoc complains of."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudstate.compiler.frontend.files import ProtoRoot
from cloudstate.compiler.frontend.protos import compile_protos

HEAD = 'syntax = "proto3";\npackage shop;\n'
HTTP = 'rpc Get(Got) returns (Got) { option (google.api.http) = { get: "/x" }; }'


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        (
            "message Item { string id = 1 [(cloudstate.entity_key) = true]; }",
            'add `import "cloudstate/entity_key.proto";`',
        ),
        ("message Got {}\nservice Shop { " + HTTP + " }", 'add `import "google/api/annotations.proto";`'),
        (
            "message Got {}\nservice Shop { option (cloudstate.entity).model = MODEL_VALUE; }",
            'add `import "cloudstate/annotations.proto";`',
        ),
        ("message Item { google.protobuf.Timestamp at = 1; }", 'add `import "google/protobuf/timestamp.proto";`'),
        ("message Item {\n  string id = 1\n}", "perhaps it is the statement before that lacks its `;`"),
        ("message Item { Unknown field = 1; }", "mend the .proto file"),
    ],
)
def test_what_is_not_imported_is_named(tmp_path: Path, text: str, help_: str) -> None:
    (tmp_path / "shop.proto").write_text(f"{HEAD}{text}\n")
    _, findings = compile_protos(ProtoRoot(tmp_path, "protos"), ["shop.proto"])
    assert [finding.helps for finding in findings] == [(help_,)], findings
