"""The catalogue of everything the compiler can find. A code is never used for something else later.

The first digit is the phase: 0 files, 1 syntax, 2 names, 3 meaning, 4 deployment, 5 output, 6 the lock file,
7 documents of an operator, 9 the compiler itself. Rules for finished manifests begin with what they are about: IST,
K8S, KNA, STO.
Every entry has a page under ``explain/`` and a failing example under ``tests/golden/diagnostics/``.
"""

from __future__ import annotations

from cloudstate.compiler.diagnostics.diagnostic import Code, Severity

_CATALOGUE: dict[str, Code] = {}


def _entry(severity: Severity, id_: str, name: str, template: str) -> Code:
    code = Code(id_, name, severity, template)
    _CATALOGUE[id_] = code
    return code


def _error(id_: str, name: str, template: str) -> Code:
    return _entry(Severity.ERROR, id_, name, template)


def _warning(id_: str, name: str, template: str) -> Code:
    return _entry(Severity.WARNING, id_, name, template)


def _note(id_: str, name: str, template: str) -> Code:
    return _entry(Severity.NOTE, id_, name, template)


# 0: files
SPEC_NOT_FOUND = _error("CS0001", "spec-not-found", "no spec at `{path}`")
UNREADABLE_FILE = _error("CS0002", "unreadable-file", "cannot read `{path}`: {reason}")
NOT_UTF8 = _error("CS0003", "not-utf8", "`{path}` is not UTF-8")
PROTO_NOT_FOUND = _error("CS0004", "proto-not-found", "no such proto file: `{path}`")
PROTO_OUTSIDE_ROOT = _error("CS0005", "proto-outside-root", "`{path}` is not a path inside the proto root")

# 1: syntax
YAML_SYNTAX = _error("CS1001", "yaml-syntax", "not valid YAML: {reason}")
DUPLICATE_KEY = _error("CS1002", "duplicate-key", "the key `{key}` stands here twice")
SEVERAL_DOCUMENTS = _error("CS1003", "several-documents", "more than one document in a spec")
EMPTY_SPEC = _error("CS1004", "empty-spec", "the spec is empty")
UNKNOWN_KEY = _error("CS1005", "unknown-key", "unknown key `{key}`")
WRONG_TYPE = _error("CS1006", "wrong-type", "`{key}` is {found} where {expected} is expected")
MISSING_KEY = _error("CS1007", "missing-key", "`{key}` is missing")
BAD_API_VERSION = _error("CS1008", "bad-api-version", "unknown apiVersion `{found}`")
BAD_KIND = _error("CS1009", "bad-kind", "unknown kind `{found}`")
UNKNOWN_VALUE = _error("CS1010", "unknown-value", "`{found}` is not a value of `{key}`")
UNKNOWN_MODEL = _error("CS1011", "unknown-model", "unknown state model `{found}`")
BAD_DURATION = _error("CS1012", "bad-duration", "`{found}` is not a duration")
OUT_OF_RANGE = _error("CS1013", "out-of-range", "`{key}` is {found}, {expected}")
PROTO_ERROR = _error("CS1014", "proto-error", "protoc: {reason}")
PROTO2_REFUSED = _error("CS1015", "proto2-refused", "`{path}` is written in {syntax}, only proto3 is supported")

# 2: names
UNRESOLVED_IMPORT = _error("CS2001", "unresolved-import", "cannot find the import `{path}`")
UNKNOWN_SERVICE = _error("CS2002", "unknown-service", "unknown service `{name}`")
UNKNOWN_MESSAGE = _error("CS2003", "unknown-message", "unknown message `{name}`")
UNKNOWN_COMMAND = _error("CS2004", "unknown-command", "unknown command `{name}`")
AMBIGUOUS_NAME = _error("CS2005", "ambiguous-name", "`{name}` could be several {kind}s")
UNDECLARED_EVENT = _error("CS2006", "undeclared-event", "`{name}` is not an event of the entity")
UNUSED_PROTO = _warning("CS2007", "unused-proto", "nothing of `{path}` is used")
SERVICE_WITHOUT_ENTITY = _warning("CS2008", "service-without-entity", "the service `{name}` has no entity")
BAD_SERVICE_NAME = _error("CS2009", "bad-service-name", "`{name}` cannot be the name of a service")
RESERVED_NAME = _error("CS2010", "reserved-name", "the name `{name}` is reserved")
MODULE_CLASH = _error("CS2011", "module-clash", "`{name}` would be two Python modules")
BAD_CLASS_PATH = _error("CS2012", "bad-class-path", "`{path}` is not the path of a class")
DUPLICATE_NAME = _error("CS2013", "duplicate-name", "two specs are named `{name}`")
CLASS_NOT_FOUND = _warning("CS2014", "class-not-found", "the class `{path}` does not exist")
HANDLER_NOT_FOUND = _warning("CS2015", "handler-not-found", "the class `{path}` does not define {methods}")

# 3: meaning
COMMAND_WITHOUT_KEY = _error(
    "CS3001", "command-without-key", "the command `{name}` does not say which entity it is for"
)
BAD_KEY_TYPE = _error("CS3002", "bad-key-type", "the field `{name}` cannot be an entity key")
STREAMED_COMMAND = _error("CS3003", "streamed-command", "the command `{name}` is streamed")
DUPLICATE_ENTITY = _error("CS3004", "duplicate-entity", "the service `{name}` has two entities")
DUPLICATE_TYPE = _error("CS3005", "duplicate-type", "two entities have the type `{name}`")
STATE_MISSING = _error("CS3006", "state-missing", "the entity `{name}` has no state")
EVENTS_MISSING = _error("CS3007", "events-missing", "the entity `{name}` has no events")
NOT_FOR_MODEL = _error("CS3008", "not-for-model", "`{key}` means nothing for {model}")
DUPLICATE_EVENT = _error("CS3009", "duplicate-event", "the event `{name}` is listed twice")
EVENT_IS_STATE = _note("CS3010", "event-is-state", "`{name}` is both the state and an event")
READ_EMITS = _error("CS3011", "read-emits", "the command `{name}` reads and emits")
PASSIVATION_TOO_SHORT = _error("CS3012", "passivation-too-short", "a passivation of {found} is too short")
ANNOTATION_CONFLICT = _error("CS3013", "annotation-conflict", "`{key}` is said twice, and differently")
BAD_TYPE_ID = _error("CS3016", "bad-type-id", "`{name}` cannot be the type of an entity")
SIMILAR_COMMANDS = _warning("CS3017", "similar-commands", "`{first}` and `{second}` are hard to tell apart in Python")
SAME_EVENT_NAME = _note("CS3018", "same-event-name", "several events are named `{name}`")
NO_COMMANDS = _warning("CS3019", "no-commands", "the service `{name}` has no rpcs")
SHARED_CLASS = _error("CS3020", "shared-class", "two entities are implemented by `{path}`")
EVENT_NOT_EMITTED = _note("CS3021", "event-not-emitted", "no command emits `{name}`")
NO_ENTITIES = _error("CS3022", "no-entities", "the spec has no entities")
CRDT_MISSING = _error("CS3023", "crdt-missing", "the entity `{name}` has no data type")

# 31: rules for HTTP
HTTP_PATTERN_MISSING = _error("CS3101", "http-pattern-missing", "the http rule of `{name}` has no method and path")
HTTP_BAD_TEMPLATE = _error("CS3102", "http-bad-template", "`{template}` is not a path template")
HTTP_UNKNOWN_VARIABLE = _error("CS3103", "http-unknown-variable", "unknown path variable `{name}`")
HTTP_BAD_VARIABLE = _error("CS3104", "http-bad-variable", "the field `{name}` cannot be a path variable")
HTTP_DUPLICATE_PATTERN = _error("CS3105", "http-duplicate-pattern", "two http rules match `{pattern}`")
HTTP_BAD_BODY = _error("CS3106", "http-bad-body", "`{name}` cannot be the body")
HTTP_BAD_RESPONSE_BODY = _error("CS3107", "http-bad-response-body", "`{name}` cannot be the response body")
HTTP_CUSTOM_METHOD = _error("CS3108", "http-custom-method", "the custom http method `{name}` is not supported")
HTTP_NESTED_BINDINGS = _error("CS3109", "http-nested-bindings", "additional bindings inside additional bindings")
HTTP_BAD_SELECTOR = _error("CS3110", "http-bad-selector", "the selector `{found}` names another rpc")

# 4: deployment
STORE_NOT_SHARED = _error("CS4001", "store-not-shared", "{replicas} cannot share a store of kind `{kind}`")
AUTOSCALE_BOUNDS = _error("CS4002", "autoscale-bounds", "autoscale from {min} to {max} leaves no choice")
BAD_IMAGE = _error("CS4003", "bad-image", "`{image}` is not the name of an image")
BAD_QUANTITY = _error("CS4004", "bad-quantity", "`{found}` is not a quantity")
STATEFUL_KNATIVE = _error("CS4005", "stateful-knative", "Knative cannot run the {model} entity `{name}`")
AUTOSCALE_AND_REPLICAS = _warning("CS4006", "autoscale-and-replicas", "`replicas` is ignored beside `autoscale`")
BAD_RESOURCE_NAME = _error("CS4007", "bad-resource-name", "`{name}` cannot be the name of a {kind}")
SECRET_MISSING = _error("CS4008", "secret-missing", "a store of kind `{kind}` needs a secret")
SECRET_UNUSED = _warning("CS4009", "secret-unused", "a store of kind `{kind}` uses no secret")
CLUSTER_MISSING = _error("CS4010", "cluster-missing", "{replicas} that keep state need a cluster")
CLUSTER_NOT_SHARED = _error("CS4011", "cluster-not-shared", "a cluster cannot share a store of kind `{kind}`")

# 5: output
FOREIGN_FILE = _error("CS5001", "foreign-file", "`{path}` is in the way")
STALE_OUTPUT = _error("CS5002", "stale-output", "`{path}` is not what the spec says")
CANNOT_WRITE = _error("CS5003", "cannot-write", "cannot write `{path}`: {reason}")

# 51: manifests
JWT_WITHOUT_MESH = _error("CS5101", "jwt-without-mesh", "nothing checks tokens on the target `{mesh}`")
BAD_HOST = _error("CS5102", "bad-host", "`{name}` is not a host name")
BAD_KEYS_ADDRESS = _error("CS5103", "bad-keys-address", "`{found}` is not an `https` address")
GATEWAY_MISSING = _warning("CS5104", "gateway-missing", "no route is made without a gateway")
CALLERS_UNENFORCED = _warning("CS5105", "callers-unenforced", "Knative lets everybody in, not only `callers`")
PROXY_UNUSED = _warning("CS5106", "proxy-unused", "`proxy` is ignored: the code runs in the runtime")
STREAM_ENDS = _warning("CS5107", "stream-ends", "Knative ends the stream of `{name}` after 600 seconds")
HOSTS_UNUSED = _warning("CS5108", "hosts-unused", "`hosts` is ignored without a gateway")
SIDECAR_ON_KNATIVE = _error("CS5109", "sidecar-on-knative", "Knative starts no proxy beside the function")

# 60: the lock file
LOCK_DAMAGED = _error("CS6001", "lock-damaged", "the lock file is damaged: {reason}")
LOCK_FORMAT = _error("CS6002", "lock-format", "unknown format of the lock file: `{found}`")
NOTHING_RECORDED = _warning("CS6003", "nothing-recorded", "no release of `{name}` is recorded")
VERSION_RECORDED = _error("CS6004", "version-recorded", "the version `{name}` is recorded already, and is another one")
ACCEPTED_BREAK = _note("CS6005", "accepted-break", "{code} for `{subject}` is accepted until {until}")
ACCEPTANCE_UNUSED = _warning("CS6006", "acceptance-unused", "nothing is left to accept of {code} for `{subject}`")
ANY_STORED = _note("CS6007", "any-stored", "what `{name}` holds is not recorded")
SAMPLE_MISREAD = _error("CS6008", "sample-misread", "a recorded `{name}` is not read as it was written")

# 61: stored messages
FIELD_REMOVED = _error("CS6101", "field-removed", "the stored field `{name}` is gone")
FIELD_RENUMBERED = _error("CS6102", "field-renumbered", "the stored field `{name}` has another number")
FIELD_TYPE_CHANGED = _error("CS6103", "field-type-changed", "the stored field `{name}` has another type")
NUMBER_REUSED = _error("CS6104", "number-reused", "`{name}` takes a number that recorded data uses otherwise")
CARDINALITY_CHANGED = _error("CS6105", "cardinality-changed", "the stored field `{name}` has another cardinality")
ONEOF_CHANGED = _error("CS6106", "oneof-changed", "the oneof `{name}` does not fit what is stored")
REQUIRED_ADDED = _error("CS6107", "required-added", "`{name}` is required, and may be absent in what is stored")
DEFAULT_CHANGED = _error("CS6108", "default-changed", "the stored field `{name}` has another default")
FIELD_RENAMED = _note("CS6109", "field-renamed", "the stored field `{name}` has another name")
ENUM_VALUE_REMOVED = _error("CS6110", "enum-value-removed", "the stored enum value `{name}` is gone")
ENUM_VALUE_RENUMBERED = _error("CS6111", "enum-value-renumbered", "the stored enum value `{name}` has another number")
ENUM_VALUE_RENAMED = _note("CS6112", "enum-value-renamed", "the stored enum value `{name}` has another name")

# 62: entities, routing and topics
SERVICE_RENAMED = _error("CS6201", "service-renamed", "the service has another name than its data")
ENTITY_REMOVED = _error("CS6202", "entity-removed", "no entity has the recorded type `{name}`")
ENTITY_TYPE_CHANGED = _error("CS6203", "entity-type-changed", "the entity `{name}` has another type than its data")
MODEL_CHANGED = _error("CS6204", "model-changed", "the entity `{name}` has another state model than its data")
KEY_CHANGED = _error("CS6205", "key-changed", "the command `{name}` finds its entity by another key")
KEY_TYPE_CHANGED = _error("CS6206", "key-type-changed", "the command `{name}` has a key of another type")
EVENT_REMOVED = _error("CS6207", "event-removed", "the stored event `{name}` is no event of its entity")
VALUE_TYPE_CHANGED = _error("CS6208", "value-type-changed", "the entity `{name}` keeps another type of value")
SNAPSHOT_TYPE_CHANGED = _error("CS6209", "snapshot-type-changed", "the entity `{name}` has snapshots of another type")
CRDT_CHANGED = _error("CS6210", "crdt-changed", "the entity `{name}` is another data type than its data")
SHARDS_CHANGED = _error("CS6211", "shards-changed", "the number of shards is another one")
SOURCE_LEFT = _error("CS6212", "source-left", "`{name}` is no longer consumed")
DESTINATION_LEFT = _error("CS6213", "destination-left", "nothing is published to `{name}` any more")

# 63: upcasters
UPCASTER_TARGET = _error("CS6301", "upcaster-target", "`{name}` is neither an event nor the state of the entity")
UPCASTER_OF_CURRENT = _error("CS6302", "upcaster-of-current", "`{name}` is read as it is, without an upcaster")
DUPLICATE_UPCASTER = _error("CS6303", "duplicate-upcaster", "two upcasters come from `{name}`")
UPCASTER_CIRCLE = _error("CS6304", "upcaster-circle", "the upcaster from `{name}` leads back to it")
UPCASTER_UNUSED = _warning("CS6306", "upcaster-unused", "no release has stored a `{name}` for this entity")
UPCASTER_FAILED = _error("CS6307", "upcaster-failed", "the upcaster from `{name}` fails on what may be stored")

# 7: documents of an operator
NOTHING_TO_MIGRATE = _error("CS7001", "nothing-to-migrate", "no StatefulService in `{path}`")
DUPLICATE_DOCUMENT = _error("CS7002", "duplicate-document", "two documents are the {kind} `{name}`")
STORE_NOT_GIVEN = _error("CS7003", "store-not-given", "the StatefulStore `{name}` is not in the files")
STORE_NOT_SUPPORTED = _warning("CS7004", "store-not-supported", "there is no journal in {kind}")
SECRET_FORM = _warning("CS7005", "secret-form", "the store of `{name}` needs another Secret")
DATA_NOT_MOVED = _warning("CS7006", "data-not-moved", "the data of `{name}` stays where it is")
KEY_NOT_CONVERTED = _warning("CS7007", "key-not-converted", "`{key}` has no counterpart in a spec")
SPEC_INCOMPLETE = _warning("CS7008", "spec-incomplete", "the spec of `{name}` is not complete")
DOCUMENT_LEFT = _note("CS7009", "document-left", "the {document} is not converted")
CONTAINER_LEFT = _warning("CS7010", "container-left", "the container `{name}` is not converted")
REPLICAS_REDUCED = _warning("CS7011", "replicas-reduced", "`{name}` gets one replica")
AUTOSCALE_ASSUMED = _note("CS7012", "autoscale-assumed", "`{name}` is scaled as the operator does by default")
AUTOSCALE_CHANGED = _warning("CS7013", "autoscale-changed", "`{name}` is scaled by CPU from now on")
NO_STORE = _warning("CS7014", "no-store", "`{name}` has no store")
PASSWORD_IN_DOCUMENT = _warning("CS7015", "password-in-document", "a password stands in the document")

# 9: the compiler itself
INTERNAL_ERROR = _entry(Severity.BUG, "CS9001", "internal-error", "the program failed: {reason}")

# Finished manifests: the numbers are those by which these rules are known elsewhere, too
BAD_HASH = _error("IST301", "bad-hash", "{reason}")
HASH_NEEDS_ROUTE = _error("IST302", "hash-needs-route", "the waypoint hashes nothing for `{name}`")
HASH_ON_HEADLESS = _error("IST303", "hash-on-headless", "`{name}` is not balanced, so its requests are not hashed")
UNSAFE_RETRIES = _error("IST304", "unsafe-retries", "a command may be done twice")
POLICY_SHUTS_OUT = _error("IST305", "policy-shuts-out", "{who} cannot reach port {port}")
TABLE_NOT_PRIME = _error("IST306", "table-not-prime", "{found} is not the size of a Maglev table")
PLAIN_TEXT_ALLOWED = _error("IST307", "plain-text-allowed", "the mesh takes requests that are not encrypted")
BAD_OBJECT_NAME = _error("K8S101", "bad-object-name", "`{name}` cannot be {what}")
WORKLOAD_NAME_TOO_LONG = _error("K8S102", "workload-name-too-long", "`{name}` is too long for a StatefulSet")
DUPLICATE_OBJECT = _error("K8S103", "duplicate-object", "the {kind} `{name}` is there twice")
SELECTS_NOTHING = _error("K8S110", "selects-nothing", "the selector does not select {what}")
IMMUTABLE_FIELD = _error("K8S111", "immutable-field", "`{name}` of the {kind} `{object}` cannot be changed")
DANGLING_REFERENCE = _error("K8S112", "dangling-reference", "there is no {kind} `{name}`")
BAD_PORT = _error("K8S120", "bad-port", "{reason}")
PROTOCOL_UNSAID = _warning("K8S121", "protocol-unsaid", "the port `{name}` does not say that it speaks HTTP/2")
QUANTITY_REFUSED = _error("K8S130", "quantity-refused", "`{found}` is not a quantity of Kubernetes")
LIMIT_BELOW_REQUEST = _error("K8S131", "limit-below-request", "the limit of {name} is below its request")
PROBE_HANDLERS = _error("K8S140", "probe-handlers", "`{name}` needs one way to do it")
SAME_PROBES = _warning("K8S141", "same-probes", "the liveness probe asks just what the readiness probe asks")
PROBE_MISSING = _error("K8S142", "probe-missing", "the container `{name}` has no `{probe}`")
HOOK_TOO_LONG = _error("K8S150", "hook-too-long", "the hook does not end within the {grace} seconds that the pod has")
GRACE_TOO_SHORT = _error("K8S151", "grace-too-short", "{grace} seconds are not enough to drain")
BUDGET_BLOCKS_DRAIN = _error("K8S160", "budget-blocks-drain", "with {replicas} pods this budget blocks every drain")
REPLICAS_FIXED = _error("K8S161", "replicas-fixed", "the autoscaler and the manifest both say how many pods there are")
SECRET_IN_PLAIN = _error("K8S170", "secret-in-plain", "a credential stands in the manifests")
IMAGE_NOT_PINNED = _warning("K8S171", "image-not-pinned", "`{image}` can become another image")
NOT_RESTRICTED = _error("K8S180", "not-restricted", "the pod is not `restricted`: {reason}")
TOO_NEW_FIELD = _error("K8S190", "too-new-field", "`{name}` is unknown to Kubernetes {target}")
KNATIVE_STATE = _error("KNA401", "knative-state", "Knative keeps no state")
KNATIVE_PORTS = _error("KNA402", "knative-ports", "Knative refuses {reason}")
KNATIVE_TIMEOUT = _error("KNA403", "knative-timeout", "Knative ends requests early or refuses the timeout: {said}")
KNATIVE_FIELD = _error("KNA404", "knative-field", "Knative does not take `{name}` unless it is told to")
JOURNAL_NOT_SHARED = _error("STO501", "journal-not-shared", "{replicas} pods cannot share a journal that one pod has")
EGRESS_UNDECLARED = _error("STO502", "egress-undeclared", "{what} is out of reach, or soon will be")

#: All codes by id, in the order above.
CATALOGUE = dict(_CATALOGUE)


def find(id_or_name: str) -> Code | None:
    """The code with this id (in any case) or name."""
    by_id = CATALOGUE.get(id_or_name.upper())
    return by_id or next((code for code in CATALOGUE.values() if code.name == id_or_name.lower()), None)
