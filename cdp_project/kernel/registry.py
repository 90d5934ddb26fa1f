"""Plug-ins found by looking: every module of a package that holds the asked-for object is one.

Adding a plug-in is adding a file. A double key, or a file without the object, stops the start.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar


class Keyed(Protocol):
    """Anything with a key that is unique in its registry."""

    @property
    def key(self) -> str: ...


K = TypeVar("K", bound=Keyed)


class RegistryError(Exception):
    """A plug-in file that does not declare what its registry asks for."""


class Registry(Mapping[str, K], Generic[K]):
    """Plug-ins of one kind by key, loaded at first use.

    `package` is the dotted path whose modules are searched, `attribute` the name that each must define.
    """

    def __init__(self, package: str, attribute: str) -> None:
        self._package = package
        self._attribute = attribute
        self._found: dict[str, K] | None = None

    def __getitem__(self, key: str) -> K:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, K]:
        if self._found is None:
            self._found = dict(sorted(self._load().items()))
        return self._found

    def _load(self) -> dict[str, K]:
        found: dict[str, K] = {}
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__, f"{self._package}."):
            plugin = self._plugin_of(module.name)
            if plugin.key in found:
                raise RegistryError(f"{module.name}: the key {plugin.key!r} is taken by another file.")
            found[plugin.key] = plugin
        return found

    def _plugin_of(self, module_name: str) -> K:
        module = importlib.import_module(module_name)
        try:
            plugin: K = getattr(module, self._attribute)
        except AttributeError:
            raise RegistryError(f"{module_name} defines no {self._attribute}.") from None
        return plugin
