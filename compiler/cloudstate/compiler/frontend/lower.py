"""A spec without errors becomes the service that the backends see: defaults are filled in, positions left behind."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace

from cloudstate.compiler.model.deployment import OLDEST, Autoscale, Deployment, Jwt, Resources, Store
from cloudstate.compiler.model.entity import Command, Entity, Upcaster
from cloudstate.compiler.model.naming import implementation_of, type_of
from cloudstate.compiler.model.schema import RpcDeclaration
from cloudstate.compiler.model.service import Placement, Service
from cloudstate.compiler.model.spec import CommandSpec, DeploymentSpec, EntitySpec, Spec

_DIGEST_LENGTH = 16
#: Keys of ``deploy`` that came later: a service that does not use them keeps the digest that it had before.
_LATER = frozenset({"proxy", "broker", "cluster", "jwt", "gateway", "hosts", "metrics", "kubernetes"})


def lower(spec: Spec) -> Service:
    """The service model. Its digest is a hash of all the rest: equal services have equal digests, wherever their specs
    are and however they are written down."""
    store = Store()
    if spec.store is not None:
        store = Store(spec.store.kind.value, spec.store.secret.value if spec.store.secret else None)
    service = Service(
        name=spec.name.value,
        entities=tuple(_entity(entity) for entity in spec.entities),
        files=spec.schema.files,
        descriptors=spec.schema.descriptors,
        placement=spec.placement.value if spec.placement else Placement.EMBEDDED,
        store=store,
        deployment=_deployment(spec.deployment),
        shards=spec.shards,
    )
    return replace(service, digest=_digest(service))


def _digest(service: Service) -> str:
    content = {name: value for name, value in asdict(service).items() if name not in ("descriptors", "digest")}
    for entity in content["entities"]:
        # What came later: services that do not use it keep the digests that they had before.
        if not entity["upcasters"]:
            del entity["upcasters"]
        if entity["idempotency_window"] is None:
            del entity["idempotency_window"]
    for later in fields(Deployment):
        if later.name in _LATER and getattr(service.deployment, later.name) == later.default:
            del content["deployment"][later.name]
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return f"sha256:{hashlib.sha256(service.descriptors + text.encode()).hexdigest()[:_DIGEST_LENGTH]}"


def _entity(entity: EntitySpec) -> Entity:
    service = entity.service.value
    said = {command.rpc.value.name: command for command in entity.commands}
    return Entity(
        service=service.full_name,
        model=entity.model.value,
        type=type_of(entity),
        implementation=implementation_of(entity),
        commands=tuple(_command(rpc, said.get(rpc.name)) for rpc in service.rpcs),
        state=entity.state.value.type if entity.state else None,
        events=tuple(event.value.type for event in entity.events),
        snapshot_every=entity.snapshot_every.value if entity.snapshot_every else 100,
        passivation_ms=entity.passivation_ms.value if entity.passivation_ms else 30_000,
        crdt=entity.crdt.value if entity.crdt else None,
        docs=service.docs,
        upcasters=tuple(
            Upcaster(
                source=upcaster.source.value,
                type=upcaster.declared.type if upcaster.declared else None,
                target=upcaster.target.value.type,
            )
            for upcaster in entity.upcasters
        ),
        idempotency_window=entity.idempotency_window.value if entity.idempotency_window else None,
    )


def _command(rpc: RpcDeclaration, said: CommandSpec | None) -> Command:
    return Command(
        name=rpc.name,
        input=rpc.input.type,
        output=rpc.output.type,
        key=tuple(field.name for field in rpc.keys),
        client_streaming=rpc.client_streaming,
        server_streaming=rpc.server_streaming,
        effect=said.effect.value if said and said.effect else None,
        emits=tuple(event.value.type for event in said.emits) if said else (),
        docs=rpc.docs,
    )


def _deployment(spec: DeploymentSpec) -> Deployment:
    autoscale = None
    if spec.autoscale is not None:
        autoscale = Autoscale(spec.autoscale.min.value, spec.autoscale.max.value, spec.autoscale.cpu)
    defaults = Resources()
    return Deployment(
        image=spec.image.value if spec.image else None,
        replicas=spec.replicas.value if spec.replicas else 1,
        autoscale=autoscale,
        mesh=spec.mesh.value if spec.mesh else "none",
        callers=tuple(caller.value for caller in spec.callers),
        resources=Resources(
            cpu=spec.cpu.value if spec.cpu else defaults.cpu,
            memory=spec.memory.value if spec.memory else defaults.memory,
        ),
        proxy=spec.proxy.value if spec.proxy else None,
        broker=spec.broker.value if spec.broker else None,
        cluster=spec.cluster.value if spec.cluster else None,
        jwt=Jwt(spec.jwt.issuer.value, spec.jwt.keys.value) if spec.jwt else None,
        gateway=spec.gateway.value if spec.gateway else None,
        hosts=tuple(host.value for host in spec.hosts),
        metrics=spec.metrics is not None and spec.metrics.value,
        kubernetes=spec.kubernetes.value if spec.kubernetes else OLDEST,
    )
