"""Reads tests/vectors/NAME.txt: the format of tests/support/vectors.h, written down there.

    for rec in vectorfile.read("tests/vectors/cell.txt"):
        rec.name, rec.bytes("body"), rec.int("count"), rec.text("result"), "why" in rec
"""

import re

WORD = re.compile(r'\s*(?:#[^\n]*|("(?:[^"\\\n]|\\.)*")|([^\s"#]\S*))')
ESCAPE = re.compile(r'\\(x[0-9a-fA-F]{2}|.)')
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", '"': '"', "\\": "\\"}
REPEAT = re.compile(r"((?:[0-9a-fA-F]{2})+)(?:\*([1-9][0-9]*))?$")


class VectorError(Exception):
    """The file breaks the format, or a record lacks what is asked of it."""


def _unquote(word):
    def one(m):
        e = m.group(1)
        if len(e) == 3:
            return chr(int(e[1:], 16))
        if e not in ESCAPES:
            raise VectorError(f"unknown escape \\{e}")
        return ESCAPES[e]

    return ESCAPE.sub(one, word[1:-1])


class Record:
    def __init__(self, name):
        self.name = name
        self._fields = {}  # key: list of (word, quoted)

    def __contains__(self, key):
        return key in self._fields

    def keys(self):
        return self._fields.keys()

    def _need(self, key):
        if key not in self._fields:
            raise VectorError(f"[{self.name}]: no field {key}")
        return self._fields[key]

    def bytes(self, key):
        out = b""
        for word, quoted in self._need(key):
            if quoted:
                out += word.encode("latin-1")
                continue
            m = REPEAT.match(word)
            if not m:
                raise VectorError(f"[{self.name}] {key}: not hex bytes: {word}")
            out += bytes.fromhex(m.group(1)) * int(m.group(2) or 1)
        return out

    def int(self, key):
        text = self.text(key)
        if not re.fullmatch(r"0x[0-9a-fA-F]+|[0-9]+", text):
            raise VectorError(f"[{self.name}] {key}: not a number: {text}")
        return int(text, 16 if text.startswith("0x") else 10)

    def text(self, key):
        return " ".join(word for word, _ in self._need(key)).encode("latin-1").decode("utf-8", "replace")


def parse(text):
    """All records of a file's text, in order."""
    records, words, field, at = [], [], None, 0
    line_began = True
    while True:
        m = WORD.match(text, at)
        if not m:
            if text[at:].strip():
                raise VectorError(f"near line {text.count(chr(10), 0, at) + 1}: string without an end")
            break
        gap = text[at : m.start(1) if m.group(1) else m.start(2) if m.group(2) else m.end()]
        line_began = line_began or "\n" in gap
        at = m.end()
        if m.group(1) is None and m.group(2) is None:
            continue  # a comment
        word = (_unquote(m.group(1)), True) if m.group(1) else (m.group(2), False)
        if line_began and not word[1] and word[0].startswith("["):
            if not word[0].endswith("]") or len(word[0]) < 3:
                raise VectorError(f"record without a name: {word[0]}")
            records.append(Record(word[0][1:-1]))
            words, field = [], None
        elif not records:
            raise VectorError(f"word outside a record: {word[0]}")
        elif word == ("=", False):
            if not words or words[-1][1] or (field is None and len(words) != 1):
                raise VectorError(f"[{records[-1].name}]: value without a key")
            field = words.pop()[0]
            if field in records[-1]:
                raise VectorError(f"[{records[-1].name}]: {field} twice")
            words = records[-1]._fields[field] = []
        else:
            words.append(word)
        line_began = False
    return records


def read(path):
    with open(path, encoding="latin-1", newline="\n") as f:  # so that characters are bytes
        return parse(f.read())


def _hex_words(data):
    """Groups of 32 bytes, so that lines stay short; a longer run of one byte as xx*N."""
    if len(data) > 8 and data == data[:1] * len(data):
        return [f"{data[0]:02x}*{len(data)}"]
    return [data[i : i + 32].hex() for i in range(0, len(data), 32)]


def write_record(name, fields):
    """The text of a record, fields in order: bytes as hex, ints decimal, str as words (which must not need
    quotes)."""
    lines, line = [], f"[{name}]"
    for key, value in fields.items():
        words = _hex_words(value) if isinstance(value, bytes) else [str(value)]
        first = " ".join([key, "="] + words[:1])
        for gap, word in [("  ", first)] + [(" ", w) for w in words[1:]]:
            if len(line) + len(gap) + len(word) > 110:
                lines.append(line)
                line, gap = "", "    "
            line += gap + word
    return "\n".join(lines + [line]) + "\n"


def check_main(check_record, default_path):
    """The main program of a reference: `X.py --check FILE` checks every record; the result is the exit code.
    check_record(rec) raises (AssertionError, VectorError, ...) where a record is wrong."""
    import sys
    import traceback

    if len(sys.argv) not in (2, 3) or sys.argv[1] != "--check":
        print(f"usage: {sys.argv[0]} --check [{default_path}]", file=sys.stderr)
        sys.exit(2)
    path = sys.argv[2] if len(sys.argv) == 3 else default_path
    records, bad = read(path), 0
    for rec in records:
        try:
            check_record(rec)
        except Exception:  # any exception is this record's failure; the others are still checked
            traceback.print_exc()
            print(f"{path}: [{rec.name}] is wrong", file=sys.stderr)
            bad += 1
    print(f"{path}: {len(records) - bad} of {len(records)} records hold")
    sys.exit(1 if bad or not records else 0)
