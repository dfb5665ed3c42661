"""Writes this folder's vectors. Needs pycryptodome; F is checked against hashlib's BLAKE2b."""

import hashlib
import json
import pathlib
import struct

from Crypto.Hash import RIPEMD160, keccak

HERE = pathlib.Path(__file__).parent
LENGTHS = [0, 1, 31, 32, 33, 55, 56, 63, 64, 65, 119, 120, 127, 128, 135, 136, 137, 271, 272, 273, 1024]
MASK = 2**64 - 1
IV = [
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
]
SIGMA = [
    "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
    "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
]


def f(rounds, h, m, t, last):
    """RFC 7693, section 3.2."""
    v = h + IV
    v[12] ^= t[0]
    v[13] ^= t[1]
    v[14] ^= MASK if last else 0

    def g(a, b, c, d, x, y):
        for word, right_d, right_b in ((x, 32, 24), (y, 16, 63)):
            v[a] = (v[a] + v[b] + word) & MASK
            v[d] = rotate(v[d] ^ v[a], right_d)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = rotate(v[b] ^ v[c], right_b)

    for r in range(rounds):
        s = [m[int(digit, 16)] for digit in SIGMA[r % 10]]
        for i in range(4):
            g(i, 4 + i, 8 + i, 12 + i, s[2 * i], s[2 * i + 1])
        for i in range(4):
            g(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, s[8 + 2 * i], s[9 + 2 * i])
    return [h[i] ^ v[i] ^ v[i + 8] for i in range(8)]


def rotate(word, bits):
    return (word >> bits | word << 64 - bits) & MASK


def request(rounds, h, m, t, last):
    return struct.pack(">I", rounds) + struct.pack("<8Q16Q2Q", *h, *m, *t) + bytes([last])


def pattern(length):
    return bytes((7 * i + 3) % 256 for i in range(length))


def write(name, vectors):
    (HERE / name).write_text(json.dumps(vectors, indent=2) + "\n")


def hashes(name, digest):
    write(name, [
        {"Name": f"{n} bytes", "Input": pattern(n).hex(), "Expected": digest(pattern(n)).hex()} for n in LENGTHS
    ])


def compressions():
    m = list(struct.unpack("<16Q", pattern(128)))
    personal = [IV[0] ^ 0x01010040] + IV[1:]
    digest = struct.pack("<8Q", *f(12, list(personal), m, [128, 0], True))
    assert digest == hashlib.blake2b(pattern(128)).digest()
    out = []
    for rounds in (0, 1, 2, 9, 10, 11, 12, 20, 25, 999):
        for last in (0, 1):
            t = [MASK - rounds, rounds]
            words = struct.pack("<8Q", *f(rounds, list(personal), m, t, last))
            out.append({
                "Name": f"{rounds} rounds, last {last}",
                "Input": request(rounds, personal, m, t, last).hex(),
                "Expected": words.hex(),
            })
    valid = request(12, personal, m, [128, 0], 1)
    for name, bad in {
        "empty": b"",
        "one byte": b"\1",
        "one byte short": valid[:-1],
        "one byte long": valid + b"\0",
        "last-block flag 2": valid[:-1] + b"\2",
        "last-block flag 255": valid[:-1] + b"\xff",
    }.items():
        out.append({"Name": name, "Input": bad.hex(), "ExpectedError": name})
    write("blake2f.json", out)


hashes("keccak256.json", lambda data: keccak.new(digest_bits=256, data=data).digest())
hashes("sha256.json", lambda data: hashlib.sha256(data).digest())
hashes("ripemd160.json", lambda data: bytes(12) + RIPEMD160.new(data).digest())
hashes("identity.json", lambda data: data)
compressions()
