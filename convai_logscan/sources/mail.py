"""The parts of a mail: its text and what is attached. Read whole, so no more than `MAX_MAIL` of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from email.errors import (
    InvalidBase64CharactersDefect,
    InvalidBase64LengthDefect,
    InvalidBase64PaddingDefect,
)
from email.feedparser import BytesFeedParser
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from typing import Any, cast

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.limits import Budget
from convai_logscan.sources.names import label
from convai_logscan.sources.stream import BLOCK, Stream

MAX_MAIL = 64 << 20  # bytes of one mail, which is held in memory
MAX_LINES = 4 << 20  # line ends in it: short lines take more memory than they have bytes
FEED = 1 << 14  # bytes that are parsed between two looks at the clock
_MAX_HEADER = 4096  # characters of a header's value that are looked at
_BODIES = ("text/plain", "text/html")
_SIGNATURES = frozenset(
    f"application/{one}"
    for one in ("pkcs7-signature", "x-pkcs7-signature", "pgp-signature", "pgp-keys")
)
_ENCRYPTED = frozenset(
    f"application/{one}" for one in ("pkcs7-mime", "x-pkcs7-mime", "pgp-encrypted")
)
_DAMAGE = (
    InvalidBase64PaddingDefect,
    InvalidBase64CharactersDefect,
    InvalidBase64LengthDefect,
)
# A line that ends with a blank goes on in the next one, where the text says that it flows.
_FLOWED = re.compile(r"(?m)(?<!^--) \r?\n(?![>\r\n])")
_BLANKS = re.compile(r"[ \t\r\n]+")
# A sign of a tag inside of quotes is none.
_MARKUP = re.compile(
    r"""(<[a-zA-Z/!?](?:[^<>"']{1,4096}+|"[^"<]{0,1024}+"|'[^'<]{0,1024}+'){0,64}+>|<[^<>]{1,4096}>)"""
)
_ELEMENT = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.IGNORECASE)
_UNSEEN = frozenset(["head", "script", "style", "title"])
_INLINE = frozenset(
    ["a", "abbr", "b", "code", "em", "font", "i", "img", "mark", "o", "s", "small", "span", "strong", "u"]
)  # fmt: skip


class _Policy(EmailPolicy):
    """The library's own, for headers of the length that headers have."""

    def header_fetch_parse(self, name: str, value: str) -> Any:  # noqa: ANN401 (the library's own)
        """Return the header, made of the beginning of its value; an empty one where it is odd."""
        try:
            return super().header_fetch_parse(name, value[:_MAX_HEADER])
        except Exception:  # noqa: BLE001 (the library raises what its parts raise)
            return super().header_fetch_parse(name, "")


_POLICY = _Policy()


def members(stream: Stream, budget: Budget) -> Iterator[tuple[str, Iterable[bytes]] | Skipped]:
    """Yield name and content of every part, and a `Skipped` for what cannot be read."""
    try:
        parts = list(_parts(_parsed(stream, budget)))
    except SourceError:
        raise
    except Exception as error:  # the library raises what its parts raise
        raise SourceError("this mail is damaged, or its parts are nested too deep") from error
    number = 0
    for part in parts:
        if not part.is_body:
            yield part.refused or (part.name, part.content(budget))
        elif not part.told and not part.is_blank():
            number += 1
            yield "body" if number == 1 else f"body-{number}", part.content(budget)


def _parsed(stream: Stream, budget: Budget) -> EmailMessage:
    """Return the mail; every part of it counts as a member."""

    def made(policy: Any = _POLICY) -> EmailMessage:  # noqa: ANN401 (its type is not that of `_Policy`)
        budget.member()
        return EmailMessage(policy)

    parser = BytesFeedParser(made, policy=_POLICY)
    size = lines = 0
    while block := stream.some(FEED):
        size += len(block)
        lines += block.count(b"\n") + block.count(b"\r")
        if size > MAX_MAIL or lines > MAX_LINES:
            message = f"this mail is too large: no more than {MAX_MAIL >> 20} MiB of one are read"
            raise SourceError(message, None, "give what is attached to it")
        budget.unpacked(0)  # parts in one another take time
        parser.feed(block)
    return cast("EmailMessage", parser.close())


def _parts(mail: EmailMessage) -> Iterator[_Part]:
    """Yield what is no container, in order; a stack, for parts may be nested deeper than calls."""
    waiting: list[tuple[MIMEPart, int]] = [(mail, 0)]
    while waiting:
        one, told = waiting.pop()
        if one.get_content_maintype() == "multipart" and one.is_multipart():
            inside = list(one.iter_parts())
            if one.get_content_subtype() == "alternative":
                told = max([told, *(_Part(part).length("text/plain") for part in inside)])
            waiting += [(part, told) for part in reversed(inside)]
        else:
            yield _Part(one, told)


class _Part:
    """One part of a mail that holds no others, or another mail."""

    def __init__(self, part: MIMEPart, told: int = 0) -> None:
        """Take the part, and how many words the plain text has that it is an alternative of."""
        self._part = part
        self.kind = part.get_content_type()
        name = part.get_filename()
        forwarded = self.kind == "message/rfc822"
        self.is_body = self.kind in _BODIES and not name and not part.is_attachment()
        self.name = label(name or ("forwarded.eml" if forwarded else self.kind))
        # A page is left out where the plain text says as much.
        self.told = self.kind == "text/html" and 0 < self.length("text/html") <= 2 * told
        self.refused: Skipped | None = None
        if self.kind in _SIGNATURES:
            self.refused = Skipped(self.name, "a signature, not a log", minor=True)
        elif self.kind in _ENCRYPTED:
            reason = "encrypted, not read (save what is attached to it in the mail program)"
            self.refused = Skipped(self.name, reason)
        elif self.kind.startswith("multipart/"):
            reason = "the mail does not say where its parts end (give what is attached to it)"
            self.refused = Skipped("", reason)

    def is_blank(self) -> bool:
        """Say whether nothing stands in it, as where somebody only attached files."""
        try:
            return not self._decoded().strip()
        except Exception:  # noqa: BLE001 (told where it is read)
            return False

    def length(self, kind: str) -> int:
        """Return how many words the part shows, 0 where it is no body of the kind."""
        if self.kind != kind or not self.is_body:
            return 0
        try:
            return len(self._decoded().split())
        except Exception:  # noqa: BLE001 (told where it is read)
            return 0

    def content(self, budget: Budget) -> Iterator[bytes]:
        """Yield the decoded bytes; raises SourceError where they are damaged, behind what was read."""
        try:
            content = self._decoded()
        except Exception as error:  # the library raises what its parts raise
            raise SourceError("this part is damaged, or mails are nested too deep in it") from error
        for at in range(0, len(content), BLOCK):
            block = content[at : at + BLOCK]
            budget.unpacked(len(block))
            yield block
        if any(isinstance(defect, _DAMAGE) for defect in self._part.defects):
            raise SourceError("its base64 data are damaged or end early")

    def _decoded(self) -> bytes:
        if self.kind == "message/rfc822":
            return b"".join(one.as_bytes() for one in self._part.iter_parts())
        content = self._part.get_payload(decode=True)
        raw = content if isinstance(content, bytes) else b""
        if not self.is_body:
            return raw
        charset = self._part.get_content_charset("utf-8")
        try:
            text = raw.decode(charset, "surrogateescape" if charset == "utf-8" else "replace")
        except (LookupError, ValueError):  # a code that nobody knows, or none for text
            return raw
        if self.kind == "text/html":
            text = _shown(text)
        elif str(self._part.get_param("format", "")).lower() == "flowed":
            text = _FLOWED.sub("" if self._part.get_param("delsp") == "yes" else " ", text)
        return text.encode("utf-8", "surrogateescape")


def _without_comments(page: str) -> str:
    out, at = [], 0
    while (begin := page.find("<!--", at)) >= 0 and (end := page.find("-->", begin + 4)) >= 0:
        out.append(page[at:begin])
        at = end + 3
    return "".join((*out, page[at:]))


def _shown(page: str) -> str:
    """Return the lines that a page of HTML shows."""
    page = _without_comments(page)
    out: list[str] = []
    hidden, ready = "", False  # the element that is not shown, and whether lines are ready-made
    for piece in _MARKUP.split(page):
        element = _ELEMENT.match(piece)
        if element is None:
            if not hidden and not piece.startswith("<!"):
                text = html.unescape(piece)
                out.append(text if ready else _BLANKS.sub(" ", text))
            continue
        closes, name = bool(element[1]), element[2].lower()
        if name in _UNSEEN:
            hidden = "" if closes else hidden or name
        elif name == "pre":
            ready = not closes
        if name not in _INLINE:
            out.append("\n")
    lines = (line.strip() for line in "".join(out).splitlines())
    return "\n".join(line for line in lines if line) + "\n"
