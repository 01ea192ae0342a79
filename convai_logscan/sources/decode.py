"""Raw bytes to UTF-8 text, whatever the file is written in, and where that changes.

In: blocks of raw bytes. Out: blocks of UTF-8 bytes without byte order mark, NUL bytes and UTF-16;
line ends stay as they are, save that a text with bare carriage returns gets newlines.
Bytes that are not UTF-8 stay, so that nothing is lost before it is shown. How the bytes are cut
into blocks never changes what comes out.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from convai_logscan.late import late

SNIFF = 65536
WINDOW = 512  # bytes behind a line's start that say whether UTF-16 begins there
LATIN = 64  # bytes without a NUL byte that show UTF-8 behind a newline of UTF-16
_TRIES = 4096  # NUL bytes that are looked at closely; a text that has more is not mixed, but odd

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"), (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_NEWLINE = {"utf-16-le": b"\n\0", "utf-16-be": b"\0\n"}
# A newline of UTF-16 with UTF-8 behind it; a shorter rest counts at the end of the source only.
_BACK = {
    name: late(re.escape(newline) + rb"(?=([^\0]{%d}|[^\0]{8,}\Z))" % LATIN)
    for name, newline in _NEWLINE.items()
}
_NULS = late(rb"\0*")
_CONTROL = bytes(c for c in range(32) if c not in b"\0\a\b\t\n\v\f\r\x1b")
MAX_CONTROL = 0.04  # share of control bytes above which a file is no log


def encoding(head: bytes) -> tuple[str, int]:
    """Return what a file is written in, and the size of its byte order mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    plain = head[:SNIFF].partition(b"\0")[0]
    if len(plain) > LATIN // 4 and _is_utf8(plain[:LATIN]):
        return "utf-8", 0  # what follows may still be UTF-16
    return _pairs(head[:SNIFF], 0.4) or "utf-8", 0


def is_binary(head: bytes) -> bool:
    """Say whether the head of a file holds more control bytes than a text does."""
    if encoding(head)[0].startswith(("utf-16", "utf-32")):
        return False
    sample = head[:SNIFF].replace(b"\0", b"")
    control = len(sample) - len(sample.translate(None, _CONTROL))
    return control > len(sample) * MAX_CONTROL


def _pairs(sample: bytes, share: float) -> str | None:
    """Return the UTF-16 a text of mostly Latin letters is in, by where its NUL bytes stand."""
    pairs = len(sample) // 2
    if not pairs:
        return None
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    # A run of NUL bytes fills both places; UTF-16 text of Latin letters only one.
    if odd > pairs * share and even <= odd * 0.1:
        return "utf-16-le"
    if even > pairs * share and odd <= even * 0.1:
        return "utf-16-be"
    return None


class Decoder:
    """Turns the blocks of one source into UTF-8."""

    def __init__(self, head: bytes) -> None:
        """Look at the head of the source, which is handed in with the blocks again."""
        name, self._skip = encoding(head)
        self.encodings: list[str] = []
        self.nul_bytes = 0
        self._buffer = b""
        self._tries = 0
        self._switch(name)
        sample = head[:SNIFF]
        self._old_mac = b"\r" in sample and b"\n" not in sample and self._mode == "utf-8"

    def text(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks as UTF-8."""
        for block in blocks:
            self._buffer = self._buffer + block if self._buffer else block
            if self._skip:
                if len(self._buffer) < self._skip:
                    continue
                self._buffer, self._skip = self._buffer[self._skip :], 0
            if text := self._decoded(last=False):
                yield text
        if text := self._decoded(last=True):
            yield text

    def _decoded(self, *, last: bool) -> bytes:
        """Return what can be said of the buffer already."""
        out: list[bytes] = []
        mode = ""
        while mode != self._mode:
            mode = self._mode
            if mode == "utf-8":
                self._narrow(out, last=last)
            else:
                self._wide(out, last=last)
        text = b"".join(out)
        if self._old_mac and text:
            end = text.find(b"\n")
            self._old_mac = end < 0
            end = len(text) if end < 0 else end
            text = text[:end].replace(b"\r", b"\n") + text[end:]
        return text

    def _switch(self, name: str) -> None:
        self._mode = name.replace("-sig", "")
        self._fresh = True  # the buffer begins where UTF-16 may begin
        self._run = 0  # NUL bytes that stand right before the buffer
        if self._mode != "utf-8":
            self._incremental = codecs.getincrementaldecoder(self._mode)("replace")
        if name not in self.encodings:
            self.encodings.append(name)

    # --- UTF-8 ---------------------------------------------------------------------------------

    def _narrow(self, out: list[bytes], *, last: bool) -> None:
        """Take UTF-8 up to where UTF-16 begins; NUL bytes of any other kind are dropped."""
        buffer, at, size = self._buffer, 0, len(self._buffer)
        while at < size:
            if self._run:
                at = self._pass_run(buffer, at)
                continue
            nul = buffer.find(0, at)
            if nul < 0:
                end = size if last else self._settled(buffer, at)
                out.append(buffer[at:end])
                at = end
                break
            if self._tries > _TRIES:
                self.nul_bytes += buffer.count(0, at)
                out.append(buffer[at:].replace(b"\0", b""))
                at = size
                break
            line = max(buffer.rfind(b"\n", at, nul) + 1, at)
            starts = self._starts(at, line, nul)
            if starts and not last and starts[-1] + WINDOW > size:
                out.append(buffer[at:line])
                self._fresh = self._fresh or line > at
                at = line
                break
            for start in starts:
                if name := _begins(buffer[start : start + WINDOW], whole_line=start == line):
                    out.append(buffer[at:start])
                    self._buffer = buffer[start:]
                    self._switch(name)
                    return
            self._tries += 1
            out.append(buffer[at:nul])
            at = nul
            self._run = 1
            self.nul_bytes += 1
            at += 1
            self._fresh = False
        self._buffer = buffer[at:]

    def _starts(self, at: int, line: int, nul: int) -> list[int]:
        """Return where UTF-16 may have begun before a NUL byte: with its line, or in mid-line."""
        if line == at and not self._fresh:
            # The line is long or holds NUL bytes already; a letter may still stand before this one.
            return [nul - 1] if nul > at and not self._tries else []
        before = self._buffer[line : min(nul, line + WINDOW)]
        plain = len(before) > LATIN // 4 and _is_utf8(before)
        starts = [line] if len(before) < WINDOW and not plain else []
        return [*starts, nul - 1] if nul - 1 > line else starts

    def _pass_run(self, buffer: bytes, at: int) -> int:
        """Drop NUL bytes; return where they end."""
        found = _NULS.match(buffer, at)
        end = found.end() if found else at
        self.nul_bytes += end - at
        self._run += end - at
        if end < len(buffer):
            self._fresh = self._run > 2  # behind a run, a new writer may have begun
            self._run = 0
        return end

    def _settled(self, buffer: bytes, at: int) -> int:
        """Return how much of a text without NUL bytes cannot be the beginning of UTF-16."""
        line = buffer.rfind(b"\n", at) + 1
        self._fresh = self._fresh or line > 0
        line = line or at
        if len(buffer) - line < WINDOW:
            return line
        self._fresh = False
        return len(buffer) - 1  # a letter whose NUL byte may follow

    # --- UTF-16 and UTF-32 ---------------------------------------------------------------------

    def _wide(self, out: list[bytes], *, last: bool) -> None:
        """Take wide text up to where UTF-8 begins, which is behind a newline."""
        buffer, end, back = self._buffer, len(self._buffer), False
        if self._mode in _BACK:
            for found in _BACK[self._mode].finditer(buffer):
                enough = last or len(found[1]) == LATIN
                if found.start() % 2 == 0 and enough and _is_utf8(found[1]):
                    end, back = found.end(), True
                    break
            if not back and not last:
                # What follows the last newline may turn out to be UTF-8.
                line = buffer.rfind(_NEWLINE[self._mode])
                if line >= 0 and 0 not in buffer[line + 2 : line + 2 + LATIN]:
                    end = line if len(buffer) - line - 2 < LATIN else end
            end -= 0 if last else end % 2
        text = self._incremental.decode(buffer[:end], final=back or last).encode("utf-8", "replace")
        self._buffer = buffer[end:]
        self.nul_bytes += text.count(0)
        out.append(text.replace(b"\0", b""))
        if back:
            self._switch("utf-8")


def _begins(window: bytes, *, whole_line: bool) -> str | None:
    """Return the UTF-16 that a window begins with; in mid-line it must be plain to see."""
    if window.startswith(codecs.BOM_UTF16_LE) and len(window) > 2:
        return "utf-16-le"
    if len(window) < LATIN // 2:
        return _pairs(window, 0.9) if whole_line else None
    return _pairs(window, 0.4)


def _is_utf8(text: bytes) -> bool:
    """Say whether bytes are UTF-8, cut anywhere, rather than UTF-16 of another script."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return False
    return text.translate(None, _CONTROL) == text
