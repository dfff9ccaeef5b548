#!/usr/bin/env python3
"""Verify a Quarterdeck journal with nothing of Quarterdeck: the format is in docs/journal.md.

    python3 docs/verify-journal.py ~/.local/state/quarterdeck/real/journal
    python3 docs/verify-journal.py --list FOLDER                     # one line for each record
    python3 docs/verify-journal.py --contains sha256:... FOLDER      # is that record still in the chain?

Reads only; a running host does not mind. Exit code 0: whole. 4: damaged, or the record asked for is not there.
3: there is no journal. A torn write at the very end is what a crash leaves; it is told, and is no damage.

What it proves: no byte of a record was changed, and none was taken out, put in or moved. What it can't prove: that no
records were cut off at the end. Keep the last hash somewhere else, and ask for it later with --contains.
"""

import argparse
import hashlib
import os
import re
import sys

MAGIC = b"quarterdeck-journal 1\n"
HEAD_BYTES = 84  # length 4, number 8, previous hash 32, own hash 32, check 8
ENCODING_VERSION = 3
KINDS = ["begun", "activated", "declared", "commanded", "opened", "closed", "replied", "claimed", "ended", "settled",
         "stored", "state-changed", "chartered"]


class Damaged(Exception):
    """A record that is not what was written."""


class Torn(Exception):
    """A record that is short: at the very end of the journal it is a write that a crash cut off."""


def chain(previous, number, entry):
    """The hash of a record: of three parts, each with its length before it, as eight bytes, big-endian."""
    digest = hashlib.sha256()
    for part in (previous, number.to_bytes(8, "big"), entry):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def record(rest, number, previous):
    """Checks the record at the start of `rest`; gives its length, its hash and its entry."""
    head = rest[:HEAD_BYTES]
    if len(head) < HEAD_BYTES:
        raise Torn()
    if hashlib.sha256(head[:76]).digest()[:8] != head[76:]:
        raise Damaged("the head of the record was changed") if any(rest[HEAD_BYTES:]) else Torn()
    length = int.from_bytes(head[:4], "big")
    if int.from_bytes(head[4:12], "big") != number or head[12:44] != previous:
        raise Damaged("the record does not follow the one before it")
    end = HEAD_BYTES + length
    if len(rest) < end:
        raise Torn()
    entry = rest[HEAD_BYTES:end]
    if chain(previous, number, entry) != head[44:76]:
        # Zeros to the very end, from within the entry on: the file's size grew before its bytes came.
        zeros = len(rest) - max(HEAD_BYTES, len(rest.rstrip(b"\0")))
        torn = zeros >= 16 and zeros > len(rest) - end
        raise Torn() if torn else Damaged("the record was changed")
    return end, head[44:76], entry


def kind(entry):
    """What an entry is: a version byte, then the index of the kind, which fits one byte."""
    if len(entry) < 2 or entry[0] != ENCODING_VERSION:
        return "of another version"
    return KINDS[entry[1]] if entry[1] < len(KINDS) else "unknown"


def segments(folder):
    """The files of a journal with their numbers, in order."""
    found = [(int(name[:-8]), os.path.join(folder, name)) for name in os.listdir(folder)
             if re.fullmatch(r"[0-9]+\.journal", name)]
    return sorted(found)


def verify(folder, told):
    """Walks over every record and tells each; gives their number, the last hash and the torn tail, if there is one."""
    number, previous = 0, bytes(32)
    files = segments(folder)
    for index, (segment, path) in enumerate(files):
        last = index == len(files) - 1
        with open(path, "rb") as file:
            data = file.read()
        if segment != index + 1:
            raise Damaged(f"{path}: a segment before this one is missing")
        if not data.startswith(MAGIC):
            if last and MAGIC.startswith(data):
                return number, previous, (path, 0, len(data)) if data else None
            raise Damaged(f"{path} at byte 0: this is no journal of this version")
        offset = len(MAGIC)
        while offset < len(data):
            where = f"{path} at byte {offset}, record {number + 1}"
            try:
                length, own, entry = record(data[offset:], number + 1, previous)
            except Torn:
                if last:
                    return number, previous, (path, offset, len(data) - offset)
                raise Damaged(f"{where}: the segment ends inside a record") from None
            except Damaged as problem:
                raise Damaged(f"{where}: {problem}") from None
            number, previous = number + 1, own
            told(number, own, entry, path, offset)
            offset += length
    return number, previous, None


def main():
    parser = argparse.ArgumentParser(description="Verify a Quarterdeck journal.")
    parser.add_argument("folder", help="the folder that holds 000001.journal")
    parser.add_argument("--list", action="store_true", help="print one line for each record")
    parser.add_argument("--contains", metavar="sha256:HEX", help="the hash of a record that must be in the chain")
    asked = parser.parse_args()
    found = asked.contains is None

    def told(number, own, entry, path, offset):
        nonlocal found
        found = found or asked.contains == "sha256:" + own.hex()
        if asked.list:
            name = os.path.basename(path)
            print(f"{number}\t{name}:{offset}\t{len(entry)} bytes\t{kind(entry)}\tsha256:{own.hex()}")

    try:
        if not segments(asked.folder):
            print(f"error: there is no journal in {asked.folder}", file=sys.stderr)
            return 3
        number, last, torn = verify(asked.folder, told)
    except OSError as problem:
        print(f"error: read the journal: {problem}", file=sys.stderr)
        return 3
    except Damaged as problem:
        print(f"damaged: {problem}", file=sys.stderr)
        return 4
    if torn:
        print("torn: {} at byte {}: {} bytes of a write that a crash cut off".format(*torn), file=sys.stderr)
    print(f"{asked.folder}: {number} records, whole; the last is sha256:{last.hex()}")
    if not found:
        print(f"error: no record is {asked.contains}: records were cut off, or this is another journal", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
