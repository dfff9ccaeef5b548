#!/usr/bin/env python3
"""Verify a Quarterdeck journal with nothing of Quarterdeck: the format is in docs/journal.md.

    python3 docs/verify-journal.py ~/.local/state/quarterdeck/real/journal
    python3 docs/verify-journal.py --key journal.pem --checkpoint kept-elsewhere.txt FOLDER
    python3 docs/verify-journal.py --archive OLDER FOLDER            # with the segments that were pruned
    python3 docs/verify-journal.py --list FOLDER                     # one line for each record
    python3 docs/verify-journal.py --contains sha256:... FOLDER      # is that record still in the chain?

Reads only; a running host does not mind. Exit code 0: whole. 4: damaged, signed by another key, or what was asked for is
not there. 3: there is no journal. 2: a key or checkpoint can't be read. A torn write at the very end is what a crash
leaves; it is told, and is no damage.

What it proves: no byte of a record was changed, and none was taken out, put in or moved. With --key: up to the newest
checkpoint the holder of that key wrote it. With --checkpoint: nothing up to that record was cut off or written anew.
What it can't prove: that nothing was cut off behind the newest checkpoint that you kept; and that a checkpoint's digest of
the ledger is right, which takes the program's own fold (`quarterdeck journal verify`).
"""

import argparse
import base64
import hashlib
import os
import re
import sys

MAGIC = b"quarterdeck-journal 1\n"
HEAD_BYTES = 84  # length 4, number 8, previous hash 32, own hash 32, check 8
ENCODING_VERSION = 5
KINDS = ["begun", "activated", "declared", "commanded", "opened", "closed", "replied", "claimed", "ended", "settled",
         "stored", "state-changed", "chartered", "checkpoint", "uploaded", "nominated", "shadowed", "fenced", "differed"]
DER = bytes.fromhex("302a300506032b6570032100")  # what stands before the 32 bytes of a public key in PEM


class Damaged(Exception):
    """Something that is not what was written, or that somebody else wrote."""


class Torn(Exception):
    """A record that is short: at the very end of the journal it is a write that a crash cut off."""


# Ed25519, as RFC 8032 has it. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def point(encoded):
    """The point of 32 bytes: y, and in the top bit which of the two x; none where there is no such point."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


GENERATOR = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    """Whether the holder of that key signed exactly this."""
    public, commitment, scalar = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(scalar, GENERATOR), add(commitment, times(challenge, public))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


# The encoding: of each noun that is looked into, its fields in their order.

class Fields:
    """Reads fields from the front of an encoded noun."""

    def __init__(self, encoded):
        self.rest = encoded
        if self.take(1) != bytes([ENCODING_VERSION]):
            raise Damaged("it is encoded by another version")

    def take(self, length):
        if len(self.rest) < length:
            raise Damaged("it ends too early")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def number(self):
        """A varint: seven bits a byte, the lowest first."""
        number, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            number, shift = number | (byte & 127) << shift, shift + 7
            if byte < 128:
                return number
            if shift > 63:
                raise Damaged("a number in it is too long")

    def text(self):
        return self.take(self.number())


def sha256(bytes_):
    return "sha256:" + bytes_.hex()


class Checkpoint:
    """What a checkpoint says; it is read from an entry, or from the text that `quarterdeck journal checkpoint` prints."""

    FACTS = r"journal sha256:(.{64})\nrecord (\d+)\nhash sha256:(.{64})\nledger sha256:(.{64})\nat (\d+)\nkey ed25519:(.{64})\n"

    def __init__(self, journal, record, own, ledger, at, key, signature):
        self.journal, self.record, self.hash, self.ledger, self.at = journal, record, own, ledger, at
        self.key, self.signature = key, signature

    @staticmethod
    def of_entry(entry):
        fields = Fields(entry)
        fields.number()
        return Checkpoint(fields.take(32), fields.number(), fields.take(32), fields.take(32), fields.number(),
                          fields.take(32), fields.take(64))

    @staticmethod
    def of_text(text):
        facts = re.fullmatch("quarterdeck checkpoint 1\n" + Checkpoint.FACTS + "signature (.{128})\n", text)
        if not facts:
            raise ValueError("this is no checkpoint as `quarterdeck journal checkpoint` prints it")
        journal, record, own, ledger, at, key, signature = facts.groups()
        journal, own, ledger, key, signature = map(bytes.fromhex, (journal, own, ledger, key, signature))
        read = Checkpoint(journal, int(record), own, ledger, int(at), key, signature)
        if read.statement() + f"signature {signature.hex()}\n" != text:
            raise ValueError("this is another spelling of a checkpoint")
        return read

    def statement(self):
        """What is signed."""
        return (f"quarterdeck checkpoint 1\njournal {sha256(self.journal)}\nrecord {self.record}\n"
                f"hash {sha256(self.hash)}\nledger {sha256(self.ledger)}\nat {self.at}\nkey ed25519:{self.key.hex()}\n")

    def check(self, keys):
        """Whether it is signed, by somebody who is believed."""
        if not signed(self.key, self.statement().encode(), self.signature):
            raise Damaged("its signature does not fit what it says")
        known(self.key, keys)

    def agrees(self, journal, number, own):
        """Whether it says what is so of the record at hand."""
        if self.journal != journal:
            raise Damaged("it is of another journal")
        if self.record != number:
            raise Damaged(f"it attests record {self.record}, and stands after record {number}")
        if self.hash != own:
            raise Damaged(f"record {number} has another hash than it says, {sha256(own)}")


def known(key, keys):
    if keys and key not in keys:
        raise Damaged(f"it is signed by another key, ed25519:{key.hex()}")


class Base:
    """What a pruned journal stands on."""

    def __init__(self, encoded):
        fields = Fields(encoded)
        self.segment, self.journal, self.record = fields.number(), fields.take(32), fields.number()
        self.hash, self.at, self.key, self.signature = fields.take(32), fields.number(), fields.take(32), fields.take(64)
        begun, ledger = fields.text(), fields.text()
        if fields.rest:
            raise Damaged("it does not end where it should")
        self.ledger = hashlib.sha256(ledger).digest()
        said = (f"quarterdeck base 1\nsegment {self.segment}\njournal {sha256(self.journal)}\nrecord {self.record}\n"
                f"hash {sha256(self.hash)}\nledger {sha256(self.ledger)}\n"
                f"begun {sha256(hashlib.sha256(begun).digest())}\nat {self.at}\nkey ed25519:{self.key.hex()}\n")
        if not signed(self.key, said.encode(), self.signature):
            raise Damaged("its signature does not fit what it says")


def base_of(folder):
    """The base of a journal; none where it was not pruned."""
    path = os.path.join(folder, "base")
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        encoded = file.read()
    try:
        return Base(encoded)
    except Damaged as problem:
        raise Damaged(f"{path}: {problem}") from None


# The chain.

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


def walk(folder, archive, told):
    """Walks over every record and tells each; gives where it begins and ends, and the torn tail, if there is one."""
    base = base_of(folder)
    first = base.segment if base else 1
    files = [(number, path) for number, path in segments(folder) if number >= first]
    if archive is not None:
        older = [(number, path) for number, path in segments(archive) if number < first]
        base = base_of(archive)
        first = base.segment if base else 1
        files = [(number, path) for number, path in older if number >= first] + files
    number, previous = (base.record, base.hash) if base else (0, bytes(32))
    if base and not files:
        raise Damaged(f"the segment {first:06}.journal after the base is missing")
    for index, (segment, path) in enumerate(files):
        last = index == len(files) - 1
        with open(path, "rb") as file:
            data = file.read()
        if segment != first + index:
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


class Proof:
    """What is known up to a record."""

    def __init__(self, keys, kept, bases):
        self.keys, self.kept = keys, {}
        begin = bases[0]
        self.journal, self.before = (begin.journal, (begin.record, begin.hash)) if begin else (None, (0, bytes(32)))
        self.bases = [base for base in bases if base]
        self.checkpoints, self.attested, self.signers = len(self.bases), self.before[0], set()
        for base in self.bases:
            self.signers.add(base.key)
            try:
                known(base.key, keys)
            except Damaged as problem:
                raise Damaged(f"the base of record {base.record}: {problem}") from None
        for checkpoint in kept:
            try:
                checkpoint.check(keys)
            except Damaged as problem:
                raise Damaged(f"the checkpoint of record {checkpoint.record} that was kept elsewhere: {problem}") from None
            if checkpoint.record < self.before[0]:
                raise OSError(f"record {checkpoint.record} was pruned: name the older segments with --archive")
            self.kept.setdefault(checkpoint.record, []).append(checkpoint)
        self.look()

    def take(self, number, own, entry):
        what = kind(entry)
        if what == "checkpoint":
            try:
                checkpoint = Checkpoint.of_entry(entry)
                checkpoint.check(self.keys)
                checkpoint.agrees(self.journal, *self.before)
            except Damaged as problem:
                raise Damaged(f"record {number} is a checkpoint that does not hold: {problem}") from None
            self.checkpoints, self.attested = self.checkpoints + 1, checkpoint.record
            self.signers.add(checkpoint.key)
        elif what == "begun" and self.journal is None:
            fields = Fields(entry)
            fields.number(), fields.number(), fields.text(), fields.take(1)
            self.journal = fields.take(32)
        self.before = (number, own)
        for base in self.bases:
            if base.record == number and base.hash != own:
                raise Damaged(f"the base of record {number}: the archive holds another record")
        self.look()

    def look(self):
        """Is what was kept of the record at hand what is here?"""
        for checkpoint in self.kept.pop(self.before[0], []):
            try:
                checkpoint.agrees(self.journal, *self.before)
            except Damaged as problem:
                number = checkpoint.record
                raise Damaged(f"the checkpoint of record {number} that was kept elsewhere is not here: {problem}") from None

    def end(self, number, demanded):
        for record_ in self.kept:
            raise Damaged(f"the checkpoint of record {record_} that was kept elsewhere is not here: the journal ends with "
                          f"record {number}, so its end was cut off, or it was put back from an older copy")
        if demanded and not self.checkpoints:
            raise Damaged("nothing in this journal is signed with the key that was named")


def public_key(text):
    """A public key from its digits, or from the file that `quarterdeck journal key` printed."""
    if os.path.exists(text):
        with open(text, encoding="utf-8") as file:
            text = file.read()
    text = text.strip()
    digits = re.fullmatch(r"(?:ed25519:)?([0-9a-f]{64})", text)
    if digits:
        return bytes.fromhex(digits.group(1))
    pem = re.fullmatch(r"-----BEGIN PUBLIC KEY-----\s+(\S+)\s+-----END PUBLIC KEY-----", text)
    der = base64.b64decode(pem.group(1)) if pem else b""
    if len(der) != 44 or not der.startswith(DER):
        raise ValueError("this is no public key as `quarterdeck journal key` prints it")
    return der[12:]


def checkpoint_file(path):
    with open(path, encoding="utf-8", newline="") as file:
        return Checkpoint.of_text(file.read())


def main():
    parser = argparse.ArgumentParser(description="Verify a Quarterdeck journal.")
    parser.add_argument("folder", help="the folder that holds the segments, such as 000001.journal")
    parser.add_argument("--key", action="append", default=[], metavar="FILE|HEX", help="the public key that must have signed")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="FILE", help="one that was kept elsewhere")
    parser.add_argument("--archive", metavar="DIR", help="the folder that older segments were pruned into")
    parser.add_argument("--list", action="store_true", help="print one line for each record")
    parser.add_argument("--contains", metavar="sha256:HEX", help="the hash of a record that must be in the chain")
    asked = parser.parse_args()
    found = asked.contains is None
    try:
        keys, kept = [public_key(key) for key in asked.key], [checkpoint_file(path) for path in asked.checkpoint]
    except (OSError, ValueError) as problem:
        print(f"error: read what was named: {problem}", file=sys.stderr)
        return 2
    keys = keys or [checkpoint.key for checkpoint in kept]

    def told(number, own, entry, path, offset):
        nonlocal found
        found = found or asked.contains == sha256(own)
        if asked.list:
            name = os.path.basename(path)
            print(f"{number}\t{name}:{offset}\t{len(entry)} bytes\t{kind(entry)}\t{sha256(own)}")
        proof.take(number, own, entry)

    try:
        if not segments(asked.folder):
            print(f"error: there is no journal in {asked.folder}", file=sys.stderr)
            return 3
        bases = [base_of(asked.folder)] if asked.archive is None else [base_of(asked.archive), base_of(asked.folder)]
        proof = Proof(keys, kept, bases)
        number, last, torn = walk(asked.folder, asked.archive, told)
        proof.end(number, bool(keys))
    except OSError as problem:
        print(f"error: read the journal: {problem}", file=sys.stderr)
        return 3
    except Damaged as problem:
        print(f"damaged: {problem}", file=sys.stderr)
        return 4
    if torn:
        print("torn: {} at byte {}: {} bytes of a write that a crash cut off".format(*torn), file=sys.stderr)
    print(f"{asked.folder}: {number} records, whole; the last is {sha256(last)}")
    signers = " and ".join(f"ed25519:{key.hex()}" for key in sorted(proof.signers))
    if signers:
        count = "1 checkpoint" if proof.checkpoints == 1 else f"{proof.checkpoints} checkpoints"
        print(f"attested: records 1 to {proof.attested}, by {count}, signed by {signers}")
    if not keys:
        print("believed: nobody; no key was named, so anybody can have signed")
    if not found:
        print(f"error: no record is {asked.contains}: records were cut off, or this is another journal", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
