"""Writes this folder's vectors, with an implementation independent of the crate's libraries.

Needs `pip install py_ecc` (pure Python, the Ethereum Foundation's).
"""

import hashlib
import json
from pathlib import Path

from py_ecc.optimized_bn128 import (
    FQ, FQ2, FQ12, G1, G2, Z1, Z2, add, b2, curve_order as N, field_modulus as P,
    final_exponentiate, multiply, neg, normalize, pairing,
)

HERE = Path(__file__).parent
REFUSED = "refused"


def word(value):
    return int(value).to_bytes(32, "big")


def scalar(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def g1(point):
    if point[2] == FQ.zero():
        return bytes(64)
    return b"".join(word(c.n) for c in normalize(point))


def g2(point):
    if point[2] == FQ2.zero():
        return bytes(128)
    x, y = normalize(point)
    return b"".join(map(word, (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0])))


def write(name, cases):
    rows = []
    for title, data, answer in cases:
        row = {"Name": title, "Input": data.hex()}
        if isinstance(answer, str):
            row["ExpectedError"] = answer
        else:
            row["Expected"] = answer.hex()
        rows.append(row)
    (HERE / name).write_text(json.dumps(rows, indent=2) + "\n")


def square_root(value):
    """A root in Fp2 (p = 3 mod 4), or None."""
    a, b = (int(c) for c in value.coeffs)
    norm = pow((a * a + b * b) % P, (P + 1) // 4, P)
    for sign in (1, -1):
        half = (a + sign * norm) * pow(2, -1, P) % P
        c = pow(half, (P + 1) // 4, P)
        if c and c * c % P == half:
            root = FQ2([c, b * pow(2 * c, -1, P) % P])
            if root * root == value:
                return root
    return None


def outside_subgroup(seed):
    """A point of the twist; its cofactor is huge, so it is not in G2."""
    while True:
        x = FQ2([seed, 1])
        y = square_root(x * x * x + b2)
        if y is not None:
            point = (x, y, FQ2.one())
            assert multiply(point, N)[2] != FQ2.zero()
            return point
        seed += 1


A, B = multiply(G1, scalar("a") % N), multiply(G1, scalar("b") % N)
X, Y = word(normalize(A)[0].n), word(normalize(A)[1].n)


def additions():
    good = [
        ("two points", g1(A) + g1(B), add(A, B)),
        ("generator twice, doubling", g1(G1) + g1(G1), add(G1, G1)),
        ("a point twice, doubling", g1(A) + g1(A), add(A, A)),
        ("a point and its negative", g1(A) + g1(neg(A)), Z1),
        ("point and infinity", g1(A) + bytes(64), A),
        ("infinity and point", bytes(64) + g1(A), A),
        ("infinity twice", bytes(128), Z1),
        ("empty", b"", Z1),
        ("one point, padded", g1(A), A),
        ("small coordinates", g1(G1) + g1(multiply(G1, 2)), multiply(G1, 3)),
        ("longer, rest ignored", g1(A) + g1(B) + b"\xff" * 33, add(A, B)),
    ]
    bad = [
        ("off the curve", X + word(int.from_bytes(Y, "big") ^ 1) + g1(B)),
        ("second off the curve", g1(A) + word(1) + word(1)),
        ("y zero", word(1) + word(0)),
        ("x zero", word(0) + word(1)),
        ("x p", word(P) + word(2) + g1(A)),
        ("x 1 + p", word(1 + P) + word(2) + g1(A)),
        ("y 2 + p", g1(A) + word(1) + word(2 + P)),
        ("infinity as p, p", word(P) + word(P)),
        ("maximal coordinates", b"\xff" * 128),
        ("second point cut by a byte", (g1(A) + g1(B))[:-1]),
    ]
    write("add.json", [(n, i, g1(e)) for n, i, e in good] + [(n, i, REFUSED) for n, i in bad])


def multiplications():
    scalars = [
        ("zero", 0), ("one", 1), ("two", 2), ("three", 3), ("61 bits", 2**61 - 1),
        ("64 bits", 2**64), ("127 bits", 2**127 - 1), ("128 bits", 2**128 - 1), ("n/2", N // 2),
        ("n-1", N - 1), ("n", N), ("n+1", N + 1), ("2n", 2 * N), ("2^255", 2**255),
        ("maximal", 2**256 - 1), ("p", P), ("any", scalar("any")),
        # Eigenvalues of the curve's endomorphism, where a decomposition has a zero part.
        ("a cube root of unity", 4407920970296243842393367215006156084916469457145843978461),
        ("the other root", N - 1 - 4407920970296243842393367215006156084916469457145843978461),
    ]
    good = [(f"scalar {n}", g1(A) + word(s), multiply(A, s % N)) for n, s in scalars]
    good += [
        ("generator", g1(G1) + word(scalar("any")), multiply(G1, scalar("any") % N)),
        ("infinity", bytes(64) + word(scalar("any")), Z1),
        ("empty", b"", Z1),
        ("no scalar, padded", g1(A), Z1),
        ("scalar of one byte, padded high", g1(A) + b"\1", multiply(A, 2**248 % N)),
        ("longer, rest ignored", g1(A) + word(5) + b"\xff" * 7, multiply(A, 5)),
    ]
    bad = [
        ("off the curve", word(1) + word(3) + word(1)),
        ("off the curve, scalar zero", word(1) + word(3) + word(0)),
        ("x 1 + p", word(1 + P) + word(2) + word(1)),
        ("y p - 2 + p", word(1) + word(2 * P - 2) + word(1)),
        ("maximal", b"\xff" * 96),
    ]
    write("mul.json", [(n, i, g1(e)) for n, i, e in good] + [(n, i, REFUSED) for n, i in bad])


def product(pairs):
    value = FQ12.one()
    for p, q in pairs:
        value = value * pairing(q, p, final_exponentiate=False)
    return word(final_exponentiate(value) == FQ12.one())


def pairings():
    a, b, c = (scalar(t) % N for t in ("pa", "pb", "pc"))
    p, q = multiply(G1, a), multiply(G2, b)
    cases = [
        ("no pairs", []),
        ("generators", [(G1, G2)]),
        ("e(P,Q) e(-P,Q)", [(p, q), (neg(p), q)]),
        ("e(P,Q) e(P,-Q)", [(p, q), (p, neg(q))]),
        ("e(P,Q) e(P,Q)", [(p, q), (p, q)]),
        ("e(aP,bQ) e(-abP,Q)", [(p, q), (multiply(neg(G1), a * b % N), G2)]),
        ("the same off by one", [(p, q), (multiply(neg(G1), (a * b + 1) % N), G2)]),
        ("three pairs", [(p, q), (multiply(G1, c), G2), (multiply(G1, -(a * b + c) % N), G2)]),
        ("both infinite", [(Z1, Z2)]),
        ("infinite G1", [(Z1, q)]),
        ("infinite G2", [(p, Z2)]),
        ("infinite pairs among others", [(Z1, q), (p, q), (p, Z2), (neg(p), q)]),
        ("an infinite pair and one that is not one", [(Z1, q), (p, q)]),
        ("five pairs", [(multiply(G1, i), G2) for i in (1, 2, 3, 4)] + [(multiply(neg(G1), 10), G2)]),
    ]
    good = [(n, b"".join(g1(u) + g2(v) for u, v in ps), product(ps)) for n, ps in cases]
    whole = g1(p) + g2(q)
    alone = outside_subgroup(1)
    coordinate = lambda i, delta: (
        whole[: 32 * i]
        + word(int.from_bytes(whole[32 * i : 32 * i + 32], "big") + delta)
        + whole[32 * i + 32 :]
    )
    bad = [
        ("G2 outside the subgroup", g1(p) + g2(alone)),
        ("G2 outside the subgroup, G1 infinite", bytes(64) + g2(alone)),
        ("second G2 outside the subgroup", whole + g1(p) + g2(outside_subgroup(10**9))),
        ("G2 real part first", g1(p) + b"".join(g2(q)[i : i + 32] for i in (32, 0, 96, 64))),
        ("G2 with y zero", g1(p) + g2(q)[:64] + bytes(64)),
        ("a byte short", whole[:-1]),
        ("a byte long", whole + b"\0"),
        ("one byte", b"\0"),
        ("one G1 alone", g1(p)),
    ]
    bad += [(f"coordinate {i} off by one", coordinate(i, 1)) for i in range(6)]
    bad += [(f"coordinate {i} not reduced", coordinate(i, P)) for i in range(6)]
    write("pairing.json", [*good, *((n, i, REFUSED) for n, i in bad)])


additions()
multiplications()
pairings()
