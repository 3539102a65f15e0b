"""Reads compiled blocklists as docs/blocklists.md describes them: the second implementation that
shows the description, the writer and the reader to agree."""

import struct
from pathlib import Path

_MASK = (1 << 64) - 1


def _rotl(value: int, count: int) -> int:
    return (value << count | value >> (64 - count)) & _MASK


class _SipHash13:
    def __init__(self, k0: int, k1: int) -> None:
        self.v = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)

    @staticmethod
    def _round(v):
        v0, v1, v2, v3 = v
        v0 = (v0 + v1) & _MASK
        v1 = _rotl(v1, 13) ^ v0
        v0 = _rotl(v0, 32)
        v2 = (v2 + v3) & _MASK
        v3 = _rotl(v3, 16) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = _rotl(v3, 21) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = _rotl(v1, 17) ^ v2
        v2 = _rotl(v2, 32)
        return v0, v1, v2, v3

    def absorb(self, word: int) -> None:
        v0, v1, v2, v3 = self.v
        v0, v1, v2, v3 = self._round((v0, v1, v2, v3 ^ word))
        self.v = (v0 ^ word, v1, v2, v3)

    def finish(self) -> int:
        v0, v1, v2, v3 = self.v
        v = (v0, v1, v2 ^ 0xFF, v3)
        for _ in range(3):
            v = self._round(v)
        return v[0] ^ v[1] ^ v[2] ^ v[3]


class ListImage:
    def __init__(self, path: Path) -> None:
        self.bytes = data = path.read_bytes()
        magic, version, order, self.k0, self.k1, size, self.checksum = struct.unpack_from("<8sIIQQQQ", data)
        assert (magic, version, order, size) == (b"HEARTHBL", 2, 0x01020304, len(data))
        self.names, self.bits, rule_sets, lists, self.fewest, filters = struct.unpack_from("<6I", data, 48)
        at = 72
        count = (1 << self.bits) + 1
        self.buckets = struct.unpack_from(f"<{count}I", data, at)
        at += (count * 4 + 7) // 8 * 8
        self.entries_at = at
        at += self.names * 8
        self.rule_sets = list(struct.iter_unpack("<8Q", data[at : at + rule_sets * 64]))
        at += rule_sets * 64
        self.lists: dict[str, int] = {}
        for _ in range(lists):
            rules, _kind, length = struct.unpack_from("<QBH", data, at)
            at += 11 + length
            self.lists[data[at - length : at].decode()] = rules
        self.filters: list[tuple[int, str]] = []
        for _ in range(filters):
            number, length = struct.unpack_from("<BH", data, at)
            at += 3 + length
            self.filters.append((number, data[at - length : at].decode()))
        assert at == len(data)

    def checksum_holds(self) -> bool:
        rest = self.bytes[48:]
        sip = _SipHash13(self.k0, self.k1)
        whole = len(rest) // 8 * 8
        for (word,) in struct.iter_unpack("<Q", rest[:whole]):
            sip.absorb(word)
        sip.absorb(int.from_bytes(rest[whole:], "little") | (len(rest) & 0xFF) << 56)
        return sip.finish() == self.checksum

    def _rules(self, digest: int):
        bucket = digest >> (64 - self.bits)
        for i in range(self.buckets[bucket], self.buckets[bucket + 1]):
            (entry,) = struct.unpack_from("<Q", self.bytes, self.entries_at + i * 8)
            if entry >> 16 == digest & ((1 << 48) - 1):
                yield self.rule_sets[entry & 0xFFFF]

    def verdict(self, name: str) -> str:
        """"block", "allow" or ""."""
        labels = name.lower().rstrip(".").split(".")
        sip = _SipHash13(self.k0, self.k1)
        said = [0, 0, 0, 0]  # block, allow, important block, important allow
        for depth, label in enumerate(reversed(labels), 1):
            octets = bytes([len(label)]) + label.encode()
            for start in range(0, len(octets), 8):
                sip.absorb(int.from_bytes(octets[start : start + 8], "little"))
            side = 0 if depth == len(labels) else 1
            for masks in self._rules(sip.finish()):
                for kind in range(4):
                    said[kind] |= masks[kind * 2 + side]
        return next((word for word, kind in (("allow", 3), ("block", 2), ("allow", 1), ("block", 0)) if said[kind]), "")
