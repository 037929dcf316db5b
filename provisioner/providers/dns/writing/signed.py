"""Questions to one name server, signed with a key (TSIG, RFC 8945), whose answers must be signed too."""

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

_UNCHECKED: Final[Any] = False
"""Tells dnspython to read a signature without checking it: what is wrong with it would be lost in an exception."""


class LostAnswerError(UnreachableError):
    """Nothing usable came back; what was asked may have been done."""


def signing_key(keys: DnsSection) -> dns.tsig.Key | None:
    """The playbook's key.

    Args:
        keys: what the playbook says.

    Raises:
        UsageError: the name or the secret is none. The secret is not shown.
    """
    if keys.key is None or keys.secret is None:
        return None
    secret = keys.secret.get_secret_value()
    try:
        binascii.a2b_base64("".join(secret.split()), strict_mode=True)
        return dns.tsig.Key(dns.name.from_text(keys.key), secret, dns.name.from_text(keys.algorithm))
    except binascii.Error:
        raise UsageError(
            f"the secret of the key {keys.key} is not base64",
            hint="copy the secret from the key's definition in the name server's configuration, without the quotes",
        ) from None  # the cause tells of the secret
    except dns.exception.DNSException as error:
        raise UsageError(f"{keys.key!r} is no name of a key: {error}", hint="correct dns.key") from error


@dataclass(frozen=True)
class SignedServer:
    """A name server, and the key with which to ask it.

    Attributes:
        endpoint: where it is.
        key: None: nothing is signed.
        seconds: to wait for one answer.
    """

    endpoint: Endpoint
    key: dns.tsig.Key | None
    seconds: float

    @property
    def where(self) -> str:
        """For people."""
        name, address = self.endpoint.name, self.endpoint.address
        return f"the name server {address if name == self.endpoint.host else f'{name} ({address})'}"

    async def ask(self, message: dns.message.Message, *, stream: bool = True) -> dns.message.Message:
        """Send a message and wait for the answer.

        Args:
            message: a query or an update.
            stream: over TCP, which tells at once if nobody is there; else in a datagram.

        Raises:
            LostAnswerError: no answer, or none that can be read.
            RemoteError: the key, its secret or the clock is wrong; the answer is not signed, or not by the server.
        """
        if self.key is not None:
            message.use_tsig(self.key)
        wire = message.to_wire()
        try:
            answer = await self._exchanged(wire, stream=stream)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            what = (
                "no answer" if isinstance(error, dns.exception.Timeout | TimeoutError) else "no usable answer"
            )
            raise LostAnswerError(
                f"{self.where}: {what}: {str(error) or type(error).__name__}",
                hint="check dns.server and dns.port, and that a firewall lets TCP and UDP through",
            ) from error
        if not message.is_response(answer):
            raise LostAnswerError(f"{self.where}: the answer is to another question")
        self._judge(message, answer)
        return answer

    async def _exchanged(self, wire: bytes, *, stream: bool) -> dns.message.Message:
        family = dns.inet.af_for_address(self.endpoint.host)
        kind = socket.SOCK_STREAM if stream else socket.SOCK_DGRAM
        there = (self.endpoint.host, self.endpoint.port)
        deadline = time.time() + self.seconds
        backend: Any = dns.asyncbackend.get_default_backend()
        made = await backend.make_socket(family, kind, 0, None, there if stream else None, self.seconds)
        async with made as opened:
            if stream:
                await dns.asyncquery.send_tcp(opened, wire, deadline)
                return (await dns.asyncquery.receive_tcp(opened, deadline, keyring=_UNCHECKED))[0]
            await dns.asyncquery.send_udp(opened, wire, there, deadline)
            answer: dns.message.Message
            answer, *_ = await dns.asyncquery.receive_udp(
                opened, there, deadline, ignore_unexpected=True, keyring=_UNCHECKED
            )
            return answer

    def _judge(self, message: dns.message.Message, answer: dns.message.Message) -> None:
        """Raise what the signature of an answer says."""
        if self.key is None:
            return
        if not answer.had_tsig:
            if answer.rcode() == dns.rcode.NOERROR:
                raise RemoteError(
                    f"{self.where}: the answer is not signed, so anybody may have sent it",
                    hint="let the name server know the key, and look for a middlebox that answers in its place",
                )
            return  # it may not know TSIG at all; the answer's code tells more
        if answer.tsig_error:
            raise _signature_fault(self.where, self.key, answer)
        assert answer.wire is not None
        try:
            dns.message.from_wire(answer.wire, keyring=self.key, request_mac=message.mac)
        except dns.exception.DNSException as error:
            raise RemoteError(
                f"{self.where}: the signature of the answer is wrong: {str(error) or type(error).__name__}",
                hint="look for a middlebox that changes DNS messages; check this computer's clock",
            ) from error


def _signature_fault(where: str, key: dns.tsig.Key, answer: dns.message.Message) -> RemoteError:
    """What a server says of the signature of a message (RFC 8945, section 5.2)."""
    name = key.name.to_text(omit_final_dot=True)
    assert answer.tsig_error is not None
    code = dns.rcode.to_text(dns.rcode.Rcode(answer.tsig_error), tsig=True)
    algorithm = key.algorithm.to_text(omit_final_dot=True)
    match answer.tsig_error:
        case dns.rcode.BADKEY:
            message = f"it knows no key {name} with the algorithm {algorithm}"
            hint = "check dns.key and dns.algorithm against the name server's configuration"
        case dns.rcode.BADSIG | dns.rcode.BADTRUNC:
            message = f"the signature is wrong: the key {name} has another secret there"
            hint = "check dns.secret against the name server's configuration"
        case dns.rcode.BADTIME:
            message = f"the clocks differ{_by_how_much(answer)}"
            hint = "set this computer's clock, or the name server's (NTP)"
        case _:
            message = "it does not accept the signature"
            hint = "look into the name server's log"
    return RemoteError(f"{where}: {message} ({code})", code=code, hint=hint)


def _by_how_much(answer: dns.message.Message) -> str:
    """The server's time comes with the error (RFC 8945, section 5.2.3)."""
    signature: Any = None if answer.tsig is None else answer.tsig[0]
    if signature is None or not signature.other:
        return ""
    ahead = int.from_bytes(signature.other, "big") - int(signature.time_signed)
    return f": this computer's is {abs(ahead)} s {'behind' if ahead > 0 else 'ahead'}"
