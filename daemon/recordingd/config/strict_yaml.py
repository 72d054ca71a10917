"""YAML read strictly, with the position of every key and value.

Called by the readers of policies and settings; the only importer of yaml. Works on libyaml's events
rather than on its node tree, because composing a deeply nested file recurses in C and takes the
process down before any limit of ours is asked. Never learns what the documents mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from recordingd.config.diagnostics import Findings, Place, SourceFile, Span, split_lines

FILE_BYTES_MAX = 256 * 1024
DEPTH_MAX = 20

# Numbers with a plus stay text, so that an unquoted +18005550100 is still a phone number; so do
# numbers with leading zeros, underscores, colons, exponents and other bases.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
# Named one by one: to compile the far larger set of what is text takes ten times as long.
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)
_TAB_INDENT = re.compile(r"^ *\t", re.MULTILINE)
_BOM = "\ufeff"

# libyaml is several times faster; without it the same events come from PyYAML itself.
Plain = Any  # What YAML says: dicts, lists, texts, numbers, booleans and None.
_YamlEvent = Any  # The events' stubs leave out that libyaml always sets their marks.
_YamlMark = Any
_EventLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Node:
    """A value with where it stands: `data` is the plain value, `children` the nodes inside."""

    __slots__ = ("children", "data", "end", "keys", "start")

    def __init__(self, start: _YamlMark, end: _YamlMark, data: Plain) -> None:
        self.start = start
        self.end = end
        self.data: Plain = data
        self.children: dict[str | int, Node] = {}
        self.keys: dict[str, Node] = {}

    @property
    def span(self) -> Span:
        """The stretch of the file it takes."""
        return _span_of(self.start, self.end)


PathParts = tuple[str | int, ...]


class Document:
    """One document of a file, as plain data and as positions by path."""

    __slots__ = ("file", "root")

    def __init__(self, file: SourceFile, root: Node) -> None:
        self.file = file
        self.root = root

    @property
    def data(self) -> Plain:
        """The document as dicts, lists, strings, numbers, booleans and None."""
        return self.root.data

    def find(self, path: PathParts) -> Node:
        """Return the node at a path, or the deepest one on the way to it."""
        node = self.root
        for part in path:
            child = node.children.get(part)
            if child is None:
                return node
            node = child
        return node

    def at(self, *path: str | int) -> Place:
        """Return where the value at a path stands."""
        return Place(file=self.file, span=self.find(path).span)

    def hide(self, *path: str | int) -> None:
        """Never show the value at a path."""
        self.file.hide(self.find(path).span)

    def first_key(self) -> Place:
        """Return where the document begins, for what is said about all of it."""
        for key in self.root.keys.values():
            return Place(file=self.file, span=key.span)
        return self.at()

    def key_at(self, *path: str | int) -> Place:
        """Return where the key at the end of a path stands; of a list item, the item."""
        parent, name = self.find(path[:-1]), path[-1]
        key = parent.keys.get(name) if isinstance(name, str) else None
        return Place(file=self.file, span=key.span) if key is not None else self.at(*path)


def read_source(
    path: Path, *, relative: str, shown: str, findings: Findings, bytes_max: int = FILE_BYTES_MAX
) -> SourceFile | None:
    """Read a file as text; None when it cannot be, with the reason among the findings."""
    empty = Place(file=SourceFile(path=relative, shown=shown, text=""), span=Span())
    try:
        if not path.exists():
            findings.error(empty, "file/missing", f"'{shown}' does not exist")
            return None
        if not path.is_file():
            findings.error(empty, "file/not-a-file", f"'{shown}' is not a file")
            return None
        with path.open("rb") as stream:
            body = stream.read(bytes_max + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        findings.error(empty, "file/unreadable", f"'{shown}' cannot be read: {reason}")
        return None
    if len(body) > bytes_max:
        findings.error(empty, "file/too-large", f"the file is larger than {bytes_max // 1024} KiB")
        return None
    return _decode(body, relative=relative, shown=shown, findings=findings)


def _decode(body: bytes, *, relative: str, shown: str, findings: Findings) -> SourceFile | None:
    try:
        return SourceFile(path=relative, shown=shown, text=body.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = body[: error.start].decode("utf-8", "replace")
        file = SourceFile(path=relative, shown=shown, text=body.decode("utf-8", "replace"))
        findings.error(
            Place(file=file, span=_span_at(before.removeprefix(_BOM))),
            "yaml/encoding",
            f"byte 0x{body[error.start]:02x} is not UTF-8",
            hint="save the file as UTF-8",
        )
        return None


def _span_at(before: str) -> Span:
    lines = split_lines(before)
    line, column = len(lines), len(lines[-1]) + 1
    return Span(line=line, column=column, end_line=line, end_column=column + 1)


def parse_documents(file: SourceFile, findings: Findings) -> list[Document]:
    """Parse every document of a file; empty ones are left out.

    What is wrong goes to the findings. The documents before a syntax error are returned.
    """
    text = file.text.removeprefix(_BOM)
    if not _is_clean(file, text, findings):
        return []
    documents: list[Document] = []
    try:
        # Taken one by one: what stands before a syntax error further down is kept.
        documents.extend(Document(file, root) for root in _Composer(file, text, findings).roots())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        span = Span() if mark is None else _inside(text, _span_of(mark, mark))
        message, hint = _syntax_words(error)
        findings.error(Place(file=file, span=span), "yaml/syntax", message, hint=hint)
    except YAMLError as error:
        findings.error(Place(file=file, span=Span()), "yaml/syntax", str(error).split("\n")[0])
    except _Abandoned:
        pass
    return [document for document in documents if document.data is not None]


def _is_clean(file: SourceFile, text: str, findings: Findings) -> bool:
    """Refuse what libyaml would report without a useful position, or not at all."""
    if len(text.encode("utf-8", "surrogatepass")) > FILE_BYTES_MAX:
        limit = FILE_BYTES_MAX // 1024
        place = Place(file=file, span=Span())
        findings.error(place, "file/too-large", f"the file is larger than {limit} KiB")
        return False
    bad = _NOT_TEXT.search(text)
    if bad is not None:
        findings.error(
            Place(file=file, span=_span_at(text[: bad.start()])),
            "yaml/control-character",
            f"character U+{ord(bad.group()):04X} is not allowed in a text file",
        )
    tab = _TAB_INDENT.search(text)
    if tab is not None:
        findings.error(
            Place(file=file, span=_span_at(text[: tab.end() - 1])),
            "yaml/tab",
            "a tab is used to indent",
            hint="indent with spaces",
        )
    return bad is None and tab is None


def _inside(text: str, span: Span) -> Span:
    """Move a place behind the end of a text, where the parser was when it gave up, to its end."""
    lines = split_lines(text)
    if span.line <= len(lines):
        return span
    line, column = len(lines), len(lines[-1]) + 1
    return Span(line=line, column=column, end_line=line, end_column=column)


_SYNTAX_HINTS = {
    "alias": "a text that starts with '*' needs quotes",
    "anchor": "a text that starts with '&' needs quotes",
    "cannot start any token": "a text that starts with a sign needs quotes",
    "mapping values are not allowed": "a text that holds ': ' needs quotes",
    "could not find expected ':'": "a key is followed by a colon and a space",
}


def _syntax_words(error: MarkedYAMLError) -> tuple[str, str | None]:
    message = ", ".join(part for part in (error.context, error.problem) if part) or "not YAML"
    return message, next((hint for sign, hint in _SYNTAX_HINTS.items() if sign in message), None)


def _span_of(start: _YamlMark, end: _YamlMark) -> Span:
    return Span(
        line=start.line + 1,
        column=start.column + 1,
        end_line=end.line + 1,
        end_column=end.column + 1,
    )


class _Abandoned(Exception):
    """The rest of a file is not worth reading."""


class _Composer:
    """Builds nodes from the events of one file; recursion ends at `DEPTH_MAX`."""

    def __init__(self, file: SourceFile, text: str, findings: Findings) -> None:
        self._file = file
        loader = _EventLoader(text)
        self._next = loader.get_event
        self._has_more = loader.check_event
        self._findings = findings

    def roots(self) -> Iterator[Node]:
        while self._has_more():
            event = self._next()
            if isinstance(event, DocumentStartEvent):
                if event.version or event.tags:
                    self._refuse(event, "yaml/directive", "directives are not allowed")
                yield self._compose(self._next(), 1)

    def _compose(self, event: _YamlEvent, depth: int) -> Node:
        if isinstance(event, AliasEvent):
            hint = "repeat the value; a text that starts with '*' needs quotes"
            self._refuse(
                event, "yaml/alias", f"{self._name(event, 'alias', '*')} is not allowed", hint=hint
            )
            return Node(event.start_mark, event.end_mark, None)
        if event.anchor is not None:
            hint = "a text that starts with '&' needs quotes"
            self._refuse(
                event,
                "yaml/anchor",
                f"{self._name(event, 'anchor', '&')} is not allowed",
                hint=hint,
            )
        if event.tag is not None:
            hint = "a text that starts with '!' needs quotes"
            self._refuse(event, "yaml/tag", f"{self._name(event, 'tag')} is not allowed", hint=hint)
        if isinstance(event, ScalarEvent):
            return Node(event.start_mark, event.end_mark, _resolve(event))
        if depth > DEPTH_MAX:
            self._refuse(event, "yaml/too-deep", f"nested deeper than {DEPTH_MAX} levels")
            raise _Abandoned
        if isinstance(event, MappingStartEvent):
            return self._compose_mapping(event, depth)
        return self._compose_sequence(event, depth)

    def _compose_sequence(self, start: _YamlEvent, depth: int) -> Node:
        node = Node(start.start_mark, start.end_mark, [])
        event = self._next()
        while not isinstance(event, SequenceEndEvent):
            child = self._compose(event, depth + 1)
            if not isinstance(event, AliasEvent):
                node.children[len(node.data)] = child
                node.data.append(child.data)
            event = self._next()
        node.end = event.end_mark
        return node

    def _compose_mapping(self, start: _YamlEvent, depth: int) -> Node:
        node = Node(start.start_mark, start.end_mark, {})
        event = self._next()
        while not isinstance(event, MappingEndEvent):
            self._compose_entry(node, event, depth)
            event = self._next()
        node.end = event.end_mark
        return node

    def _compose_entry(self, node: Node, event: _YamlEvent, depth: int) -> None:
        key = self._compose(event, depth + 1)
        value_event = self._next()
        value = self._compose(value_event, depth + 1)
        if not isinstance(event, ScalarEvent) or not event.value:
            self._refuse(event, "yaml/key", "a key must be a text")
            return
        name = event.value
        if name in node.keys:
            first = Place(file=self._file, span=node.keys[name].span)
            self._findings.error(
                Place(file=self._file, span=key.span),
                "yaml/duplicate-key",
                f"key '{name}' is here twice, first on line {first.span.line}",
                related=(first.related("the first one"),),
            )
            return
        node.keys[name] = key
        if isinstance(value_event, AliasEvent):
            return  # Refused already; to say that nothing is there would only confuse.
        node.children[name] = value
        node.data[name] = value.data

    def _name(self, event: _YamlEvent, what: str, sign: str = "") -> str:
        """Name an alias, an anchor or a tag; one that may be a secret stays unnamed."""
        mark = event.start_mark
        if self._file.hides(mark.line + 1, mark.column + 1):
            return f"this {what}"
        return f"{what} '{sign}{event.anchor if sign else event.tag}'"

    def _refuse(
        self, event: _YamlEvent, code: str, message: str, *, hint: str | None = None
    ) -> None:
        place = Place(file=self._file, span=_span_of(event.start_mark, event.end_mark))
        self._findings.error(place, code, message, hint=hint)


def _resolve(event: ScalarEvent) -> Plain:
    """Return the plain value of a scalar; quoted and block texts are always texts."""
    text = event.value
    if event.style:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[-1].isdigit():
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
