"""The files of a compiled service, known to the library: it wants descriptors of services and classes of messages."""

import google.api.annotations_pb2  # noqa: F401
from google.protobuf import descriptor_pb2, descriptor_pool, symbol_database

import cloudstate.entity_key_pb2  # noqa: F401 knows a file that the service's files import, as the other one does

pool = descriptor_pool.Default()
symbols = symbol_database.Default()


def load(binpb, names):
    """Make the files of a descriptor set known."""
    with open(binpb, "rb") as compiled:
        described = {file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString(compiled.read()).file}
    for name in names:
        pool.AddSerializedFile(described[name].SerializeToString())


def message(full_name):
    """The class of a message."""
    return symbols.RegisterMessage(symbols.GetPrototype(pool.FindMessageTypeByName(full_name)))
