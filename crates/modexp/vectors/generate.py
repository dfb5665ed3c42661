"""Writes modexp.json. Python's pow() is the independent implementation."""

import hashlib
import json
import pathlib


def random(length, seed):
    out = b""
    while len(out) < length:
        out += hashlib.sha512(f"{seed} {len(out)}".encode()).digest()
    return bytearray(out[:length])


def header(base_len, exponent_len, modulus_len):
    return b"".join(n.to_bytes(32, "big") for n in (base_len, exponent_len, modulus_len))


def reference(data):
    """EIP-198, for lengths that fit in memory."""
    data = data.ljust(96, b"\0")
    lengths = [int.from_bytes(data[32 * i : 32 * i + 32], "big") for i in range(3)]
    rest = data[96:].ljust(sum(lengths), b"\0")
    base_len, exponent_len, modulus_len = lengths
    base = int.from_bytes(rest[:base_len], "big")
    exponent = int.from_bytes(rest[base_len : base_len + exponent_len], "big")
    modulus = int.from_bytes(rest[base_len + exponent_len : sum(lengths)], "big")
    value = pow(base, exponent, modulus) if modulus > 0 else 0
    return value.to_bytes(modulus_len, "big")


vectors = []


def vector(name, data, expected=None):
    answer = reference(data) if expected is None else expected
    vectors.append({"Name": name, "Input": data.hex(), "Expected": answer.hex()})


def numbers(name, base, exponent, modulus):
    vector(name, header(len(base), len(exponent), len(modulus)) + bytes(base) + bytes(exponent) + bytes(modulus))


for length in (1, 8, 9, 24, 32, 33, 96, 256):
    for parity in ("odd", "even", "power of two", "half zeros"):
        modulus = random(length, f"modulus {length}")
        modulus[0] |= 0x80
        if parity == "odd":
            modulus[-1] |= 1
        elif parity == "even":
            modulus[-1] &= 0xFE
        elif parity == "power of two":
            modulus = bytearray(length)
            modulus[length // 3] = 0x20
        else:
            modulus[(length + 1) // 2 :] = bytes(length // 2)
        for exponent_name, exponent in {
            "2": b"\2",
            "3": b"\3",
            "65537": b"\1\0\1",
            "of 32 bytes": random(32, f"exponent {length}"),
            "of its own length": random(min(length, 64), f"full {length}"),
        }.items():
            numbers(f"{length} bytes, {parity}, exponent {exponent_name}", random(length, "base"), exponent, modulus)

odd = random(40, "odd")
odd[-1] |= 1
for name, base, exponent, modulus in (
    ("base longer than the modulus", random(100, 1), random(20, 2), odd),
    ("base a multiple of the modulus", (int.from_bytes(odd, "big") * 3).to_bytes(48, "big"), random(20, 2), odd),
    ("base equal to the modulus", odd, b"\x11", odd),
    ("base one less than the modulus", (int.from_bytes(odd, "big") - 1).to_bytes(40, "big"), random(33, 3), odd),
    ("base 0", bytes(40), random(40, 4), odd),
    ("base 0, exponent 0", bytes(40), bytes(40), odd),
    ("base 1", b"\1", random(40, 4), odd),
    ("base empty", b"", random(40, 4), odd),
    ("base and exponent empty", b"", b"", odd),
    ("exponent empty", random(40, 5), b"", odd),
    ("exponent 0", random(40, 5), bytes(33), odd),
    ("exponent with leading zeros", random(40, 5), bytes(100) + b"\5", odd),
    ("exponent all ones", random(40, 5), b"\xff" * 100, odd),
    ("modulus 0", random(40, 5), random(40, 6), bytes(40)),
    ("modulus 1", random(40, 5), random(40, 6), bytes(39) + b"\1"),
    ("modulus 1, exponent 0", random(40, 5), b"\0", b"\1"),
    ("modulus 1 in one byte", random(40, 5), random(40, 6), b"\1"),
    ("modulus 2", random(40, 5), random(40, 6), b"\2"),
    ("modulus 3", random(40, 5), random(40, 6), b"\3"),
    ("modulus with leading zeros", random(40, 5), random(40, 6), bytes(60) + odd),
    ("modulus all ones", random(40, 5), random(40, 6), b"\xff" * 64),
    ("modulus empty", random(40, 5), random(40, 6), b""),
    ("all empty", b"", b"", b""),
    ("Fermat's little theorem in secp256k1's field", b"\3", (2**256 - 2**32 - 978).to_bytes(32, "big"), (2**256 - 2**32 - 977).to_bytes(32, "big")),
):
    numbers(name, base, exponent, modulus)

# The input may end anywhere; zeros follow it.
whole = header(5, 4, 6) + bytes(random(5, 7)) + bytes(random(4, 8)) + bytes(random(6, 9))
for end in (0, 1, 31, 32, 33, 63, 64, 95, 96, 97, 101, 103, 105, 106, 108, 110):
    vector(f"input cut to {end} bytes", whole[:end])
vector("input longer than it says", whole + b"\xff" * 50)
vector("modulus length cut by the end of the input", header(0, 0, 0x0102)[:95])
vector("modulus beyond the end of the input", header(1, 1, 70) + b"\3\2")
vector("modulus cut after its first byte", header(1, 1, 70) + b"\3\2\1")
vector("odd byte, then zeros beyond the end", header(40, 2, 200) + bytes(random(40, 10)) + b"\xff\xff" + b"\7\5")

# Lengths that no memory holds: without a modulus there is nothing to compute.
HUGE = (2**64 - 1, 2**64, 2**256 - 1)
for huge in HUGE:
    vector(f"base of {huge:#x} bytes, modulus of 1", header(huge, 1, 1) + b"\1\2\3", b"\0")
    vector(f"exponent of {huge:#x} bytes, modulus of 32", header(1, huge, 32) + b"\1\2\3", bytes(32))
    vector(f"base and exponent of {huge:#x} bytes, no modulus", header(huge, huge, 0) + b"\1\2\3", b"")

path = pathlib.Path(__file__).parent / "modexp.json"
path.write_text(json.dumps(vectors, indent=1) + "\n")
