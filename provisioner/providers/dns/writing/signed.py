"""Messages to one name server, signed with a key (TSIG, RFC 8945); its responses must be signed too."""

from __future__ import annotations

import binascii
import socket
import time
from dataclasses import dataclass
from typing import Any, Final

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.inet
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig

from provisioner.core.errors import RemoteError, UnreachableError, UsageError
from provisioner.providers.dns.playbook import DnsSection
from provisioner.providers.dns.servers import Endpoint

_UNVERIFIED: Final[Any] = False
"""A keyring with which dnspython reads a signature without verifying it: its exceptions do not contain the response."""


class LostResponseError(UnreachableError):
    """There is no usable response; the message may have taken effect."""


def signing_key(section: DnsSection) -> dns.tsig.Key | None:
    """The key of the playbook, or None.

    Args:
        section: the ``dns:`` section of the playbook.

    Raises:
        UsageError: the name or the secret is invalid. The secret is not in the message.
    """
    if section.key is None or section.secret is None:
        return None
    secret = section.secret.get_secret_value()
    try:
        binascii.a2b_base64("".join(secret.split()), strict_mode=True)
        return dns.tsig.Key(dns.name.from_text(section.key), secret, dns.name.from_text(section.algorithm))
    except binascii.Error:
        raise UsageError(
            f"the secret of the key {section.key} is not base64",
            hint="copy the secret from the key's definition in the name server's configuration, without the quotes",
        ) from None  # the cause contains the secret
    except dns.exception.DNSException as error:
        raise UsageError(
            f"{section.key!r} is not a valid key name: {error}", hint="correct dns.key"
        ) from error


@dataclass(frozen=True)
class SignedServer:
    """A name server, and the key for its messages.

    dnspython's ``tcp`` and ``udp`` verify a response themselves and lose it if the signature is wrong; here the error in
    it is needed (RFC 8945, section 5.2), so the messages are sent and verified in two steps.

    Attributes:
        key: None if messages are not signed.
        timeout: seconds to wait for one response.
    """

    endpoint: Endpoint
    key: dns.tsig.Key | None
    timeout: float

    @property
    def title(self) -> str:
        """The server and its address, for messages."""
        name, location = self.endpoint.name, self.endpoint.location
        return f"the name server {location if name == self.endpoint.host else f'{name} ({location})'}"

    async def send(self, message: dns.message.Message, *, tcp: bool = True) -> dns.message.Message:
        """Send a message and return the response.

        Args:
            message: a query or an update.
            tcp: over TCP, which fails at once if no server listens; otherwise over UDP.

        Raises:
            LostResponseError: no response, or none that can be read.
            RemoteError: the key, its secret or the clock is wrong; the response is not signed, or not by the server.
        """
        if self.key is not None:
            message.use_tsig(self.key)
        wire = message.to_wire()
        try:
            response = await self._exchange(wire, tcp=tcp)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            timed_out = isinstance(error, dns.exception.Timeout | TimeoutError)
            problem = "no response" if timed_out else "no usable response"
            raise LostResponseError(
                f"{self.title}: {problem}: {str(error) or type(error).__name__}",
                hint="check dns.server and dns.port, and that firewalls allow TCP and UDP",
            ) from error
        if not message.is_response(response):
            raise LostResponseError(f"{self.title}: the response is to another message")
        self._verify(message, response)
        return response

    async def _exchange(self, wire: bytes, *, tcp: bool) -> dns.message.Message:
        family = dns.inet.af_for_address(self.endpoint.host)
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        destination = (self.endpoint.host, self.endpoint.port)
        deadline = time.time() + self.timeout
        backend: Any = dns.asyncbackend.get_default_backend()
        connecting = backend.make_socket(family, kind, 0, None, destination if tcp else None, self.timeout)
        async with await connecting as connection:
            response: dns.message.Message
            if tcp:
                await dns.asyncquery.send_tcp(connection, wire, deadline)
                response, _ = await dns.asyncquery.receive_tcp(connection, deadline, keyring=_UNVERIFIED)
                return response
            await dns.asyncquery.send_udp(connection, wire, destination, deadline)
            response, *_ = await dns.asyncquery.receive_udp(
                connection, destination, deadline, ignore_unexpected=True, keyring=_UNVERIFIED
            )
            return response

    def _verify(self, message: dns.message.Message, response: dns.message.Message) -> None:
        """Raise RemoteError if the signature of the response is missing, wrong, or reports an error."""
        if self.key is None:
            return
        if not response.had_tsig:
            if response.rcode() == dns.rcode.NOERROR:
                raise RemoteError(
                    f"{self.title}: the response is not signed, so its origin is unknown",
                    hint="add the key to the name server, and check for a middlebox that answers in its place",
                )
            return  # the server may not support TSIG; the response code is more precise
        if response.tsig_error:
            raise _tsig_error(self.title, self.key, response)
        assert response.wire is not None
        try:
            dns.message.from_wire(response.wire, keyring=self.key, request_mac=message.mac)
        except dns.exception.DNSException as error:
            raise RemoteError(
                f"{self.title}: the signature of the response is wrong: {str(error) or type(error).__name__}",
                hint="check for a middlebox that changes DNS messages; check this computer's clock",
            ) from error


def _tsig_error(title: str, key: dns.tsig.Key, response: dns.message.Message) -> RemoteError:
    """The error for a signature that the server did not accept (RFC 8945, section 5.2)."""
    name = key.name.to_text(omit_final_dot=True)
    assert response.tsig_error is not None
    code = dns.rcode.to_text(dns.rcode.Rcode(response.tsig_error), tsig=True)
    algorithm = key.algorithm.to_text(omit_final_dot=True)
    match response.tsig_error:
        case dns.rcode.BADKEY:
            message = f"it has no key {name} with the algorithm {algorithm}"
            hint = "check dns.key and dns.algorithm against the name server's configuration"
        case dns.rcode.BADSIG | dns.rcode.BADTRUNC:
            message = f"the signature is wrong: the server has another secret for the key {name}"
            hint = "check dns.secret against the name server's configuration"
        case dns.rcode.BADTIME:
            message = f"the clocks differ{_clock_difference(response)}"
            hint = "set this computer's clock, or the name server's (NTP)"
        case _:
            message = "it does not accept the signature"
            hint = "check the name server's log"
    return RemoteError(f"{title}: {message} ({code})", code=code, hint=hint)


def _clock_difference(response: dns.message.Message) -> str:
    """The error contains the server's time (RFC 8945, section 5.2.3)."""
    signature: Any = None if response.tsig is None else response.tsig[0]
    if signature is None or not signature.other:
        return ""
    seconds = int.from_bytes(signature.other, "big") - int(signature.time_signed)
    return f": this computer's is {abs(seconds)} s {'behind' if seconds > 0 else 'ahead'}"
