"""The one opener: looks at what an input holds and goes into it, as deep as the limits allow.

In: a name and a stream. Out: a `Source` for every log in it, a `Skipped` for everything else. They
come lazily and in order: each source is read, or passed over, before the next one is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.decode import SNIFF
from convai_logscan.sources.limits import Budget, LimitError
from convai_logscan.sources.sniff import (
    COMPRESSED,
    Reason,
    container,
    is_mail,
    is_tar,
    no_log,
    package,
)
from convai_logscan.sources.stream import BLOCK, Stream
from convai_logscan.sources.text import Source

Item = Source | Skipped
SPOOL = 32 << 20  # bytes of an archive inside another one that are held in memory


def opened(
    name: str, stream: Stream, budget: Budget, depth: int = 0, *, named: bool = False
) -> Iterator[Item]:
    """Yield what an input holds; `named` says that the user asked for this very one."""
    try:
        head = stream.peek(SNIFF)
        kind = _kind(head) or _with_a_foreword(head, stream)
        reason = package(head) if kind == "zip" and not named else None
        if kind is None or reason:
            yield from _plain(name, reason or no_log(head), stream, named=named)
            return
        if kind == "mail" and not budget.mails:
            raise _sealed(name)
        budget.nested(depth)
        if kind in COMPRESSED:
            from convai_logscan.sources.inflate import unpacked

            stream = Stream(unpacked(kind, stream.blocks(), budget))
            if not is_tar(stream.peek(512)):
                yield from opened(name, stream, budget, depth + 1, named=named)
                return
            kind = "tar"  # packed as a whole, it counts as one
        yield from _archive(kind, name, stream, budget, depth)
    except LimitError:
        pass  # told below, once for all that is nested
    except SourceError as error:
        yield Skipped(name, said(error))
    if met := budget.take():
        yield Skipped(name, met)


def only(name: str, stream: Stream, budget: Budget) -> Iterator[bytes]:
    """Yield the bytes of the one log that a plain or compressed input is, for commands that read one.

    Raises SourceError for an archive.
    """
    depth = 0
    while kind := _kind(stream.peek(SNIFF)):
        if kind == "mail" and not budget.mails:
            raise _sealed(name)
        if kind not in COMPRESSED:
            raise several(name, f"{name}!Player.log")
        from convai_logscan.sources.inflate import unpacked  # a log that is plain pays for none

        budget.nested(depth)
        stream = Stream(unpacked(kind, stream.blocks(), budget))
        depth += 1
    yield from stream.blocks()


def several(name: str, member: str) -> SourceError:
    """Return why an archive is not one log, and how one in it is named."""
    hint = f"name the log in it, like {member}"
    return SourceError("this is an archive, and one log is wanted", name, hint)


def _sealed(name: str) -> SourceError:
    """Return why no copy of a mail is made: what it holds may be encoded, out of a search's sight."""
    hint = "save the log that is in it or attached to it, and give that"
    return SourceError("this is a mail, and what a mail holds may be encoded", name, hint)


def said(error: SourceError) -> str:
    """Return an error as the reason that stands beside a name."""
    return error.message + (f" ({error.hint})" if error.hint else "")


def _kind(head: bytes) -> str | None:
    return container(head) or ("mail" if is_mail(head) else None)


def _with_a_foreword(head: bytes, stream: Stream) -> str | None:
    """Return `zip` for an archive that something stands before, as in one that unpacks itself."""
    if not stream.random or not no_log(head):
        return None
    from convai_logscan.sources import pkzip  # a log that is plain pays for no archive

    return "zip" if pkzip.ends_like_one(stream.random) else None


def _plain(name: str, reason: Reason | None, stream: Stream, *, named: bool) -> Iterator[Item]:
    if reason is None:
        yield Source(name, stream.blocks())
        return
    hint = f" ({reason.hint})" if reason.hint else ""
    yield Skipped(name, f"this is {reason.what}, not a log{hint}", reason.plain and not named)


def _archive(kind: str, name: str, stream: Stream, budget: Budget, depth: int) -> Iterator[Item]:
    """Go through the members of an archive."""
    if kind == "tar":
        from convai_logscan.sources import tar

        members = tar.members(stream, budget)
    elif kind == "mail":
        from convai_logscan.sources import mail

        members = mail.members(stream, budget)
    else:
        from convai_logscan.sources import pkzip, seven

        random, rest = _random(stream)
        members = (
            pkzip.members(random, rest, budget) if kind == "zip" else seven.members(random, budget)
        )
    for member in members:
        if isinstance(member, Skipped):
            place = f"{name}!{member.source}" if member.source else name
            yield Skipped(place, member.reason, member.minor)
            continue
        inside, blocks = member
        yield from opened(f"{name}!{inside}", Stream(blocks), budget, depth + 1)
        if budget.over:
            return


def _random(stream: Stream) -> tuple[BinaryIO | None, Stream]:
    """Return an archive as a file to seek in, or None where it is too large to hold; and a stream."""
    if stream.random:
        return stream.random, stream
    held = io.BytesIO()
    while held.tell() <= SPOOL and (block := stream.some(BLOCK)):
        held.write(block)
    if held.tell() <= SPOOL:
        return held, stream
    return None, Stream(_both(held, stream))


def _both(held: io.BytesIO, stream: Stream) -> Iterator[bytes]:
    held.seek(0)
    while block := held.read(BLOCK):
        yield block
    held.close()
    yield from stream.blocks()
