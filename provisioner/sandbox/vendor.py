"""What a vendor's package provides to the sandbox: one class that implements `Vendor`, which `register` lists."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from provisioner.sandbox.background import Background
from provisioner.sandbox.exchange import Recorder
from provisioner.sandbox.misconfigurations import Misconfigurations
from provisioner.sandbox.server import Mount
from provisioner.sandbox.settings import Setting
from provisioner.sandbox.store import Document, Store


@dataclass
class SandboxContext:
    """What the parts of one sandbox share.

    Attributes:
        home: the sandbox's folder.
        store: the settings of the whole sandbox, its address and its faults.
        kiro: the documents of the simulated Kiro.
        record: receives the exchanges of recorded mounts.
        url: the server's address, such as ``https://127.0.0.1:43121``; empty until the sandbox is started.
    """

    home: Path
    store: Store
    kiro: Store
    record: Recorder
    url: str = ""

    @property
    def http_url(self) -> str:
        """The server's http address, or the last one it had.

        Always http: the emulated services that call the SCIM endpoint would not trust the sandbox's certificate.
        """
        return str(self.store.setting("root", ""))


@dataclass(frozen=True)
class Item:
    """A line of `provisioner sandbox show`: a name from the tenant, its status in one word, and free text."""

    name: str
    status: str
    detail: str


@dataclass(frozen=True)
class Summary:
    """The content of a tenant.

    Attributes:
        counts: number of objects by kind.
        items: the objects that are shown.
        details: more facts as JSON data, for `provisioner sandbox show --format json`.
    """

    counts: Mapping[str, int]
    items: Sequence[Item] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def quantity(number: int, noun: str) -> str:
    """``1 user``, ``2 users``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Vendor(ABC):
    """An emulated identity provider: its tenant, its APIs, its console and its provisioning service.

    The tenant is created when it is first needed. Modules that take time to load are imported inside the methods.

    Attributes:
        title: what `provisioner sandbox show` calls the tenant.
        domain: email domain of the tenant's users.
        settings: the vendor's settings; the tenant's store has their values.
        name: its name in the register.
        context: what it shares with the rest of the sandbox.
    """

    title: ClassVar[str]
    domain: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]] = ()

    def __init__(self, name: str, context: SandboxContext) -> None:
        """Prepare; this opens no file."""
        self.name = name
        self.context = context
        self._path = context.home / f"{name}.db"
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._provisioning_service: Background | None = None

    @property
    def exists(self) -> bool:
        """Whether the tenant was created."""
        return self._path.exists()

    @property
    def store(self) -> Store:
        """The tenant's documents."""
        with self._lock:
            if self._store is None:
                store = Store(self._path)
                with store.transaction():
                    if store.is_empty():
                        self.create_tenant(store)
                        store.set("root", self.context.http_url)
                self._store = store
            return self._store

    @abstractmethod
    def create_tenant(self, store: Store) -> None:
        """Fill an empty store with a small tenant, inside a transaction."""

    @property
    def provisioning_service(self) -> Any:
        """The tenant's provisioning service, created when it is first needed."""
        with self._lock:
            if self._provisioning_service is None:
                self._provisioning_service = self.create_provisioning_service()
            return self._provisioning_service

    @abstractmethod
    def create_provisioning_service(self) -> Background:
        """Create the provisioning service of the tenant. It runs nothing yet."""

    @abstractmethod
    def mounts(self) -> Sequence[Mount]:
        """The vendor's APIs."""

    @abstractmethod
    def admin_token(self) -> str:
        """A token with admin rights for the vendor's API: a bearer token for Entra, an API token for Okta."""

    @abstractmethod
    def variables(self) -> dict[str, str]:
        """Values for the environment variables of the vendor's example playbook, as far as they are known by now."""

    @abstractmethod
    def connection(self) -> dict[str, str]:
        """Addresses and credentials for other clients, by title. The credentials are worth nothing elsewhere."""

    @abstractmethod
    def summary(self) -> Summary:
        """The content of the tenant."""

    @abstractmethod
    def add_group(self, name: str, like: str = "Kiro-Users") -> None:
        """Add a group with the members of another group.

        Args:
            name: name of the new group.
            like: name of the other group. If there is no such group, the new one has no members.
        """

    @abstractmethod
    def add_member(self, user: str, group: str = "Kiro-Users") -> None:
        """Add a user to a group. Create the user if no user has this name.

        Args:
            user: user name; see `user_name`.
            group: name of the group.

        Raises:
            ValueError: there is no such group.
        """

    def user_name(self, user: str) -> str:
        """The full user name: a name without ``@`` gets the tenant's domain, as in ``alice@contoso.example``."""
        return user if "@" in user else f"{user}@{self.domain}"

    @abstractmethod
    def populate(self, *, users: int = 0, groups: int = 0, members: int = 0) -> None:
        """Add many users and groups.

        Args:
            users: number of users to add.
            groups: number of groups to add.
            members: how many of the added users each of the added groups gets; at most all of them.
        """

    @abstractmethod
    def run_provisioning(self) -> dict[str, str]:
        """Provision now, and wait for the end.

        Returns:
            one line per job or application, by its name.
        """

    @abstractmethod
    def owns_profile(self, profile: Document) -> bool:
        """Whether a Kiro profile is for this vendor."""

    def newest_profile(self) -> Document | None:
        """The newest Kiro profile for this vendor, or None."""
        profiles = [profile for profile in self.context.kiro.all("kiroProfile") if self.owns_profile(profile)]
        return profiles[-1] if profiles else None

    def console_actions(self) -> Mapping[str, Callable[[], str | None]]:
        """What a simulated admin does at a manual step, by the step's key.

        An action returns one sentence, or None when it cannot be done yet. It may raise `ConsoleRefusal`.
        """
        return {}

    @staticmethod
    @abstractmethod
    def misconfigurations() -> Misconfigurations[Any]:
        """The vendor's misconfigurations."""

    def set_address(self, url: str) -> None:
        """Store the server's http address, and replace the previous one in the tenant's documents.

        Does nothing without a tenant: a new tenant gets the address when it is created.
        """
        if not self.exists:
            return
        with self.store.transaction():
            before = str(self.store.setting("root", ""))
            if before != url:
                self.store.set("root", url)
                self.replace_address(before, url)

    @abstractmethod
    def replace_address(self, before: str, url: str) -> None:
        """Replace the server's address in the tenant's documents.

        Args:
            before: the previous http address; empty when there was none.
            url: the new one.
        """

    @abstractmethod
    def catch_up(self) -> None:
        """Run, or start in the background, what the last process left undone. May block. Does nothing without a tenant."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until no provisioning runs in this process; False when that takes longer than `seconds`."""
        return self._provisioning_service is None or self._provisioning_service.wait(seconds)

    def finish(self) -> None:
        """Prepare for `close`: do delayed work now, and wait until no provisioning runs. Nothing starts afterwards."""
        if self._provisioning_service is not None:
            self._provisioning_service.close()

    def close(self) -> None:
        """Close the tenant's store; call `finish` first."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
