"""Writes this folder's vectors, with an implementation independent of the crate's libraries.

Needs `pip install py_ecc` (pure Python, the Ethereum Foundation's).
"""

import hashlib
import json
from pathlib import Path

from py_ecc.bls.hash_to_curve import (
    clear_cofactor_G1, clear_cofactor_G2, map_to_curve_G1, map_to_curve_G2,
)
from py_ecc.optimized_bls12_381 import (
    FQ, FQ2, FQ12, G1, G2, Z1, Z2, add, b, b2, curve_order as R, field_modulus as P,
    final_exponentiate, is_inf, multiply, neg, normalize, pairing,
)

HERE = Path(__file__).parent
REFUSED = "refused"
# The curve's parameter is -Z; powers of Z bound the parts a scalar may be split into.
Z = 0xD201000000010000
H1 = (Z + 1) ** 2 // 3


def fp(value):
    return int(value).to_bytes(64, "big")


def scalar(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def word(value):
    return value.to_bytes(32, "big")


def g1(point):
    if is_inf(point):
        return bytes(128)
    return b"".join(fp(c.n) for c in normalize(point))


def g2(point):
    if is_inf(point):
        return bytes(256)
    return b"".join(fp(part) for c in normalize(point) for part in c.coeffs)


def write(name, good, bad):
    rows = [{"Name": n, "Input": i.hex(), "Expected": e.hex()} for n, i, e in good]
    rows += [{"Name": n, "Input": i.hex(), "ExpectedError": REFUSED} for n, i in bad]
    (HERE / name).write_text(json.dumps(rows, indent=1) + "\n")


def root(value):
    """A square root in Fp or Fp2 (p = 3 mod 4), or None."""
    if isinstance(value, FQ):
        found = value ** ((P + 1) // 4)
        return found if found * found == value else None
    re, im = (int(c) for c in value.coeffs)
    norm = pow((re * re + im * im) % P, (P + 1) // 4, P)
    for sign in (1, -1):
        half = (re + sign * norm) * pow(2, -1, P) % P
        c = pow(half, (P + 1) // 4, P)
        if c and c * c % P == half:
            found = FQ2([c, im * pow(2 * c, -1, P) % P])
            if found * found == value:
                return found
    return None


def on_curve(x, constant):
    """The first point of the curve with an x at or after this one."""
    while (y := root(x * x * x + constant)) is None:
        x = x + type(x).one()
    return (x, y, type(x).one())


W1, W2 = on_curve(FQ(7), b), on_curve(FQ2([3, 1]), b2)
assert not is_inf(multiply(W1, R)) and not is_inf(multiply(W2, R))
# Points of the small orders that divide the cofactors: a sloppy check lets these pass.
H2 = (Z**8 + 4 * Z**7 + 5 * Z**6 - 4 * Z**4 - 6 * Z**3 - 4 * Z**2 + 4 * Z + 13) // 9


assert is_inf(multiply(W1, R * H1)) and is_inf(multiply(W2, R * H2))


def of_order(n, x, constant, cofactor):
    while cofactor % n == 0:
        cofactor //= n
    point = multiply(on_curve(x, constant), R * cofactor)
    if is_inf(point):
        return of_order(n, x + type(x).one() * 2, constant, cofactor)
    while not is_inf(multiply(point, n)):
        point = multiply(point, n)
    return n, point


SMALL1 = [of_order(n, FQ(7), b, H1) for n in (3, 11, 10177)]
SMALL2 = [of_order(n, FQ2([3, 1]), b2, H2) for n in (13, 23, 2713)]


class Group:
    """What the files of G1 and G2 have in common."""

    def __init__(self, name, generator, encode, zero, outside, small):
        self.name, self.generator, self.encode, self.zero = name, generator, encode, zero
        self.outside, self.small = outside, small
        self.a, self.b = multiply(generator, scalar("a") % R), multiply(generator, scalar("b") % R)
        self.length = len(encode(zero))

    def broken(self):
        """Encodings that are no point of the curve."""
        whole = self.encode(self.a)
        yield "off the curve", whole[:-1] + bytes([whole[-1] ^ 1])
        yield "y zero", whole[: self.length // 2] + bytes(self.length // 2)
        yield "x zero, y one", bytes(self.length - 1) + b"\1"
        yield "maximal", b"\xff" * self.length
        for start in range(0, self.length, 64):
            value = int.from_bytes(whole[start : start + 64], "big")
            part = lambda new: whole[:start] + new + whole[start + 64 :]
            yield f"coordinate {start // 64} plus p", part(fp(value + P))
            yield f"coordinate {start // 64} p", part(fp(P))
            yield f"coordinate {start // 64} padded with a one", part(b"\1" + fp(value)[1:])
            yield f"coordinate {start // 64} one bit too long", part(fp(value + 2**384))

    def write_add(self):
        e, a, b_ = self.encode, self.a, self.b
        cases = [
            ("two points", a, b_),
            ("doubling", a, a),
            ("doubling the generator", self.generator, self.generator),
            ("a point and its negative", a, neg(a)),
            ("point and infinity", a, self.zero),
            ("infinity and point", self.zero, a),
            ("infinity twice", self.zero, self.zero),
            ("outside the subgroup", self.outside, a),
            ("both outside the subgroup", self.outside, neg(self.outside)),
            ("doubling outside the subgroup", self.outside, self.outside),
        ]
        for order, point in self.small:
            cases.append((f"doubling a point of order {order}", point, point))
            cases.append((f"a point of order {order} and its negative", point, neg(point)))
            cases.append((f"a point of order {order} and another", point, a))
        good = [(n, e(p) + e(q), e(add(p, q))) for n, p, q in cases]
        bad = [(n, x + e(b_)) for n, x in self.broken()]
        bad += [("second " + n, e(b_) + x) for n, x in self.broken()]
        bad += [
            ("empty", b""), ("a byte short", (e(a) + e(b_))[:-1]),
            ("a byte long", e(a) + e(b_) + b"\0"), ("one point", e(a)),
        ]
        write(f"{self.name}_add.json", good, bad)

    def write_msm(self):
        e = self.encode
        scalars = [
            ("zero", 0), ("one", 1), ("two", 2), ("15", 15), ("16", 16), ("17", 17), ("31", 31),
            ("64 bits", 2**64 - 1), ("2^64", 2**64), ("2^127", 2**127), ("2^128 - 1", 2**128 - 1),
            ("2^128", 2**128), ("r - 1", R - 1), ("r", R), ("r + 1", R + 1), ("2r", 2 * R),
            ("2^255", 2**255), ("maximal", 2**256 - 1), ("any", scalar("any")),
        ]
        scalars += [(f"z^{i} {d:+}", Z**i + d) for i in (1, 2, 3) for d in (-1, 0, 1)]
        good = [(f"scalar {n}", e(self.a) + word(k), e(multiply(self.a, k % R))) for n, k in scalars]

        def sum_case(name, pairs):
            total = self.zero
            for p, k in pairs:
                total = add(total, multiply(p, k % R))
            return name, b"".join(e(p) + word(k) for p, k in pairs), e(total)

        def pairs(n):
            return [(multiply(self.generator, i * i + 1), scalar(f"k{i}")) for i in range(n)]

        k = scalar("k")
        good += [sum_case(f"{n} pairs", pairs(n)) for n in (2, 3, 5, 17)]
        good += [
            sum_case("infinity", [(self.zero, k)]),
            sum_case("infinity among others", [(self.a, k), (self.zero, k), (self.b, k)]),
            sum_case("zeros among others", [(self.a, 0), (self.b, k), (self.a, R)]),
            sum_case("a point and its negative", [(self.a, k), (neg(self.a), k)]),
            sum_case("the same point thrice", [(self.a, k)] * 3),
            sum_case("the same point, other scalars", [(self.a, k), (self.a, R - k % R)]),
            sum_case("nothing but zeros", [(self.a, 0), (self.b, R)]),
        ]
        bad = [(n, x + word(1)) for n, x in self.broken()]
        bad += [
            ("outside the subgroup", e(self.outside) + word(1)),
            ("outside the subgroup, scalar zero", e(self.outside) + word(0)),
            ("second outside the subgroup", e(self.a) + word(1) + e(self.outside) + word(1)),
            ("two outside it that cancel",
             e(self.outside) + word(1) + e(neg(self.outside)) + word(1)),
        ]
        for order, point in self.small:
            bad.append((f"of order {order}", e(point) + word(1)))
            bad.append((f"of order {order}, scalar the order", e(point) + word(order)))
            bad.append((f"plus a point of order {order}", e(add(self.a, point)) + word(k)))
        pair = e(self.a) + word(k)
        bad += [
            ("empty", b""), ("a byte short", pair[:-1]), ("a byte long", pair + b"\0"),
            ("no scalar", e(self.a)), ("a pair and a half", pair + e(self.b)),
        ]
        write(f"{self.name}_msm.json", good, bad)


def product(pairs):
    value = FQ12.one()
    for p, q in pairs:
        value = value * pairing(q, p, final_exponentiate=False)
    return word(int(final_exponentiate(value) == FQ12.one()))


def write_pairing(one, two):
    a, b_, c = (scalar(t) % R for t in ("pa", "pb", "pc"))
    p, q = multiply(G1, a), multiply(G2, b_)
    cases = [
        ("generators", [(G1, G2)]),
        ("e(P,Q) e(-P,Q)", [(p, q), (neg(p), q)]),
        ("e(P,Q) e(P,-Q)", [(p, q), (p, neg(q))]),
        ("e(P,Q) e(P,Q)", [(p, q), (p, q)]),
        ("e(aP,bQ) e(-abP,Q)", [(p, q), (multiply(neg(G1), a * b_ % R), G2)]),
        ("the same off by one", [(p, q), (multiply(neg(G1), (a * b_ + 1) % R), G2)]),
        ("three pairs", [(p, q), (multiply(G1, c), G2), (multiply(G1, -(a * b_ + c) % R), G2)]),
        ("both infinite", [(Z1, Z2)]),
        ("infinite G1", [(Z1, q)]),
        ("infinite G2", [(p, Z2)]),
        ("infinite pairs among others", [(Z1, q), (p, q), (p, Z2), (neg(p), q)]),
        ("an infinite pair and one that is not one", [(Z1, q), (p, q)]),
        ("five pairs", [(multiply(G1, i), G2) for i in (1, 2, 3, 4)] + [(multiply(neg(G1), 10), G2)]),
    ]
    good = [(n, b"".join(g1(u) + g2(v) for u, v in ps), product(ps)) for n, ps in cases]
    whole = g1(p) + g2(q)
    bad = [("G1 " + n, x + g2(q)) for n, x in one.broken()]
    bad += [("G2 " + n, g1(p) + x) for n, x in two.broken()]
    bad += [(f"G1 of order {n}", g1(x) + g2(q)) for n, x in SMALL1]
    bad += [(f"G2 of order {n}", g1(p) + g2(x)) for n, x in SMALL2]
    bad += [
        ("G1 outside the subgroup", g1(W1) + g2(q)),
        ("G1 outside the subgroup, G2 infinite", g1(W1) + bytes(256)),
        ("G2 outside the subgroup", g1(p) + g2(W2)),
        ("G2 outside the subgroup, G1 infinite", bytes(128) + g2(W2)),
        ("second G2 outside the subgroup", whole + g1(p) + g2(W2)),
        ("G2 imaginary part first", g1(p) + b"".join(g2(q)[i : i + 64] for i in (64, 0, 192, 128))),
        ("empty", b""),
        ("a byte short", whole[:-1]),
        ("a byte long", whole + b"\0"),
        ("one G1 alone", g1(p)),
    ]
    write("pairing.json", good, bad)


# u whose image under the simplified SWU map lies in the kernel of the 11-isogeny: the map's
# denominators vanish and the result is infinity (RFC 9380, section 6.6.3).
KERNEL_U = [
    2996364799790106798135996267804732426571918304256045973420659328602593967274666773429484758551777178205846782232816,
    1006044755431560595281793557931171729984964515682961911911398807521437683216171091013202870577238485832047490326971,
]


def write_maps():
    ones = [("zero", 0), ("one", 1), ("minus one", P - 1), ("2^380", 2**380)]
    ones += [("any", scalar("u") ** 2 % P), ("any other", scalar("v") ** 2 % P)]
    good = [(n, fp(u), g1(clear_cofactor_G1(map_to_curve_G1(FQ(u))))) for n, u in ones]
    for i, u in enumerate(KERNEL_U):
        assert is_inf(map_to_curve_G1(FQ(u)))
        good.append((f"in the isogeny's kernel, {i}", fp(u), bytes(128)))
    bad = [
        ("p", fp(P)), ("p plus one", fp(P + 1)), ("maximal", b"\xff" * 64), ("empty", b""),
        ("too short", fp(1)[:-1]), ("too long", fp(1) + b"\0"),
        ("padded with a one", b"\1" + fp(1)[1:]), ("a bit too long", fp(2**384 + 1)),
        ("two elements", fp(1) * 2), ("48 bytes", fp(1)[16:]),
    ]
    write("map_fp_to_g1.json", good, bad)

    twos = [(0, 0), (1, 0), (0, 1), (P - 1, 0), (0, P - 1), (P - 1, P - 1)]
    twos += [(scalar("u") ** 2 % P, scalar("v") ** 2 % P)]
    good = []
    for u in twos:
        point = clear_cofactor_G2(map_to_curve_G2(FQ2(list(u))))
        good.append((f"{hex(u[0])[:10]} + {hex(u[1])[:10]} i", fp(u[0]) + fp(u[1]), g2(point)))
    bad = [
        ("real part p", fp(P) + fp(1)), ("imaginary part p", fp(1) + fp(P)),
        ("maximal", b"\xff" * 128), ("empty", b""), ("one element", fp(1)),
        ("too short", (fp(1) * 2)[:-1]), ("too long", fp(1) * 2 + b"\0"),
        ("padded with a one", fp(1) + b"\1" + fp(1)[1:]), ("a bit too long", fp(2**384 + 1) + fp(1)),
    ]
    write("map_fp2_to_g2.json", good, bad)


GROUP1 = Group("g1", G1, g1, Z1, W1, SMALL1)
GROUP2 = Group("g2", G2, g2, Z2, W2, SMALL2)
for group in (GROUP1, GROUP2):
    group.write_add()
    group.write_msm()
write_pairing(GROUP1, GROUP2)
write_maps()
