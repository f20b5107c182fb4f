"""Documents of the operator, in both of its generations."""

from __future__ import annotations

SECOND = """\
apiVersion: cloudstate.io/v1alpha1
kind: StatefulStore
metadata: {name: shop-db}
spec:
  postgres:
    host: db.example
    port: 5433
    ssl: {mode: verify-full}
    credentials: {secret: {name: db-user}, usernameKey: user}
---
apiVersion: cloudstate.io/v1alpha1
kind: StatefulService
metadata: {name: shop, uid: 1-2-3, annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}}
spec:
  replicas: 2
  storeConfig: {statefulStore: {name: shop-db}, database: shop}
  containers:
    - name: user-function
      image: registry.example/shop:1.4.0
      ports: [{name: user-port, containerPort: 8090}]
      resources: {requests: {cpu: 0.5, memory: 256Mi}, limits: {memory: 512Mi}}
status: {replicas: 2}
"""

SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: ss-cfg-shop}
data:
  config.yaml: |
    autoscaler:
      minReplicas: 2
      maxReplicas: 6
"""

FIRST = """\
apiVersion: v1
kind: List
items:
  - apiVersion: cloudstate.io/v1alpha1
    kind: StatefulStore
    metadata: {name: old-db}
    spec:
      type: Postgres
      deployment: Unmanaged
      config:
        service: pg.example
        credentials: {database: carts, username: cart, password: hunter2, schema: one}
  - apiVersion: cloudstate.io/v1alpha1
    kind: StatefulService
    metadata: {name: cart}
    spec:
      datastore: {name: old-db, config: {schema: two}}
      autoscaling: {enabled: false}
      containers: [{image: registry.example/cart}]
"""


def service(spec: str, name: str = "shop") -> str:
    """A StatefulService with a container and this in its spec."""
    head = f"apiVersion: cloudstate.io/v1alpha1\nkind: StatefulService\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  containers: [{{image: registry.example/shop:1}}]\n  {spec}\n"


def store(spec: str) -> str:
    """The StatefulStore ``db``."""
    return f"---\napiVersion: cloudstate.io/v1alpha1\nkind: StatefulStore\nmetadata: {{name: db}}\nspec: {spec}\n"


USE = "storeConfig: {statefulStore: {name: db}}"
