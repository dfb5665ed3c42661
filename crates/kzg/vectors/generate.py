"""Writes point_evaluation.json. Needs py_ecc. Powers of tau are the KZG ceremony's."""

import hashlib
import json
import pathlib

from py_ecc.bls.point_compression import compress_G1, decompress_G1
from py_ecc.optimized_bls12_381 import Z1, add, b, curve_order as R, field_modulus as P, is_on_curve, multiply, normalize
from py_ecc.optimized_bls12_381 import FQ

POWERS = [
    decompress_G1(int(power, 16))
    for power in (
        "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
        "ad3eb50121139aa34db1d545093ac9374ab7bca2c0f3bf28e27c8dcd8fc7cb42d25926fc0c97b336e9f0fb35e5a04c81",
        "8029c8ce0d2dce761a7f29c2df2290850c85bdfaec2955626d7acc8864aeb01fe16c9e156863dc63b6c22553910e27c1",
        "b1386c995d3101d10639e49b9e5d39b9a280dcf0f135c2e6c6928bb3ab8309a9da7178f33925768c324f11c3762cfdd5",
    )
]
ANSWER = (4096).to_bytes(32, "big") + R.to_bytes(32, "big")


def commit(polynomial):
    total = Z1
    for coefficient, power in zip(polynomial, POWERS):
        total = add(total, multiply(power, coefficient % R))
    return total


def open_at(polynomial, z):
    """The value at z, and the quotient (p - p(z)) / (X - z), by Horner's rule."""
    quotient, value = [], 0
    for coefficient in reversed(polynomial):
        quotient.append(value)
        value = (value * z + coefficient) % R
    return value, list(reversed(quotient[1:]))


def encode(point):
    return compress_G1(point).to_bytes(48, "big")


def request(z, y, commitment, proof):
    versioned = b"\1" + hashlib.sha256(commitment).digest()[1:]
    return versioned + z.to_bytes(32, "big") + y.to_bytes(32, "big") + commitment + proof


def seeded(name):
    return int.from_bytes(hashlib.sha512(name.encode()).digest(), "big") % R


def points_on_curve():
    x = 0
    while True:
        x += 1
        y = pow(x**3 + 4, (P + 1) // 4, P)
        if y * y % P == (x**3 + 4) % P:
            point = (FQ(x), FQ(y), FQ(1))
            assert is_on_curve(point, b)
            yield point


POLYNOMIALS = {
    "zero": [],
    "one": [1],
    "constant": [seeded("constant")],
    "the identity": [0, 1],
    "linear": [seeded("a"), seeded("b")],
    "quadratic": [seeded("c"), seeded("d"), seeded("e")],
    "cubic": [seeded("f"), seeded("g"), seeded("h"), seeded("i")],
}
vectors = []
for name, polynomial in POLYNOMIALS.items():
    for where, z in (("0", 0), ("1", 1), ("2^128", 1 << 128), ("-1", R - 1), ("a random point", seeded(name))):
        y, quotient = open_at(polynomial, z)
        bytes_in = request(z, y, encode(commit(polynomial)), encode(commit(quotient)))
        vectors.append({"Name": f"{name} at {where}", "Input": bytes_in.hex(), "Expected": ANSWER.hex()})

cubic = POLYNOMIALS["cubic"]
z = seeded("z")
y, quotient = open_at(cubic, z)
C, proof = commit(cubic), commit(quotient)
c_bytes, proof_bytes = encode(C), encode(proof)
valid = request(z, y, c_bytes, proof_bytes)
infinity = b"\xc0" + bytes(47)

# A point of the cofactor's order pairs to one with everything: only the subgroup check sees it.
torsion = multiply(next(points_on_curve()), R)
assert normalize(torsion) != normalize(Z1)

# A commitment whose x leaves room for x + p in 381 bits.
small = next(k for k in range(1, 100) if int(normalize(commit([k]))[0]) + P < 1 << 381)
small_bytes = encode(commit([small]))
flags = small_bytes[0] & 0xE0
beyond = int.from_bytes(bytes([small_bytes[0] & 0x1F]) + small_bytes[1:], "big") + P
beyond_bytes = bytearray(beyond.to_bytes(48, "big"))
beyond_bytes[0] |= flags
no_such_x = next(x for x in range(1, 100) if pow(x**3 + 4, (P - 1) // 2, P) != 1)

refused = {
    "empty": b"",
    "one byte short": valid[:-1],
    "one byte long": valid + b"\0",
    "wrong version": b"\2" + valid[1:],
    "wrong versioned hash": valid[:31] + bytes([valid[31] ^ 1]) + valid[32:],
    "wrong y": request(z, (y + 1) % R, c_bytes, proof_bytes),
    "wrong z": request((z + 1) % R, y, c_bytes, proof_bytes),
    "wrong proof": request(z, y, c_bytes, encode(add(proof, POWERS[0]))),
    "wrong commitment": request(z, y, encode(add(C, POWERS[0])), proof_bytes),
    "negated proof": request(z, y, c_bytes, bytes([proof_bytes[0] ^ 0x20]) + proof_bytes[1:]),
    "z is r": request(R, cubic[0], c_bytes, encode(commit(open_at(cubic, 0)[1]))),
    "y is r": request(0, R, infinity, infinity),
    "z is 2^256 - 1": request(2**256 - 1, y, c_bytes, proof_bytes),
    "infinity for a proof": request(z, y, c_bytes, infinity),
    "infinity for a commitment": request(z, y, infinity, proof_bytes),
    "infinity with a sign": request(0, 0, b"\xe0" + bytes(47), infinity),
    "infinity with an x": request(0, 0, b"\xc0" + bytes(46) + b"\1", infinity),
    "infinity uncompressed": request(0, 0, b"\x40" + bytes(47), infinity),
    "infinity's proof with an x": request(0, 0, infinity, b"\xc0" + bytes(46) + b"\1"),
    "all zero": bytes(192),
    "commitment not marked compressed": request(z, y, bytes([c_bytes[0] & 0x7F]) + c_bytes[1:], proof_bytes),
    "proof not marked compressed": request(z, y, c_bytes, bytes([proof_bytes[0] & 0x7F]) + proof_bytes[1:]),
    "commitment's x plus p": request(0, small, bytes(beyond_bytes), infinity),
    "commitment's x off the curve": request(z, y, bytes([0x80]) + no_such_x.to_bytes(47, "big"), proof_bytes),
    "proof's x off the curve": request(z, y, c_bytes, bytes([0x80]) + no_such_x.to_bytes(47, "big")),
    "commitment outside the subgroup": request(z, y, encode(add(C, torsion)), proof_bytes),
    "proof outside the subgroup": request(z, y, c_bytes, encode(add(proof, torsion))),
}
for name, bad in refused.items():
    vectors.append({"Name": name, "Input": bad.hex(), "ExpectedError": name})
path = pathlib.Path(__file__).parent / "point_evaluation.json"
path.write_text(json.dumps(vectors, indent=2) + "\n")
