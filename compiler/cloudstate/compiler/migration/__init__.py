"""What an operator of CloudState was told, as specs of ours. Start reading at ``migrate.py``.

``documents`` finds StatefulServices and StatefulStores in YAML files. ``service`` makes a spec of each, with
``container``, ``scaling`` and ``store``. What a spec cannot say is a finding. No document of the operator has entities:
they are for the author to write.
"""

from cloudstate.compiler.migration.migrate import Migrated, in_the_way, migrate

__all__ = ["Migrated", "in_the_way", "migrate"]
