"""Answers of DNS, right and wrong, each as a script for the name server."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from dnslib import CNAME, QTYPE, RCODE, RR, A, DNSRecord

from tests.support.name_server import Script


def addresses(*ips: str) -> Script:
    return lambda question: (_reply(question, *ips).pack(),)


def failure(code: str) -> Script:
    """An RCODE and no records."""

    def answer(question: DNSRecord) -> Sequence[bytes]:
        reply = question.reply()
        reply.header.rcode = RCODE.reverse[code]
        return (reply.pack(),)

    return answer


def no_data(question: DNSRecord) -> Sequence[bytes]:
    return (question.reply().pack(),)


def silence(_question: DNSRecord) -> Sequence[bytes]:
    return ()


def alias_of_nothing(question: DNSRecord) -> Sequence[bytes]:
    reply = question.reply()
    reply.add_answer(RR(question.q.qname, QTYPE.CNAME, rdata=CNAME("gone.example.org"), ttl=1))
    return (reply.pack(),)


def chain(*ips: str) -> Script:
    """Three aliases, as content delivery networks have them, and the addresses of the last."""

    def answer(question: DNSRecord) -> Sequence[bytes]:
        reply = question.reply()
        names = [question.q.qname, "one.example.org", "two.example.org", "three.example.org"]
        for name, target in pairwise(names):
            reply.add_answer(RR(name, QTYPE.CNAME, rdata=CNAME(target), ttl=1))
        for ip in ips:
            reply.add_answer(RR(names[-1], QTYPE.A, rdata=A(ip), ttl=1))
        return (reply.pack(),)

    return answer


def truncated(*ips: str) -> Script:
    """As many records as fitted, and the flag that says so."""

    def answer(question: DNSRecord) -> Sequence[bytes]:
        reply = _reply(question, *ips)
        reply.header.tc = 1
        return (reply.pack(),)

    return answer


def shortened(length: int, *ips: str) -> Script:
    """The first bytes of an answer; a negative length leaves out as many at its end."""
    return lambda question: (_reply(question, *ips).pack()[:length],)


def of_another_question(*ips: str) -> Script:
    """As somebody writes it who guesses the id."""

    def answer(question: DNSRecord) -> Sequence[bytes]:
        reply = _reply(question, *ips)
        reply.header.id ^= 0x5555
        return (reply.pack(),)

    return answer


def in_capitals(*ips: str) -> Script:
    def answer(question: DNSRecord) -> Sequence[bytes]:
        name = str(question.q.qname).encode()
        plain = b"".join(bytes([len(label)]) + label for label in name.rstrip(b".").split(b"."))
        return (_reply(question, *ips).pack().replace(plain, plain.upper()),)

    return answer


def _reply(question: DNSRecord, *ips: str) -> DNSRecord:
    reply = question.reply()
    for ip in ips:
        reply.add_answer(RR(question.q.qname, QTYPE.A, rdata=A(ip), ttl=1))
    return reply
