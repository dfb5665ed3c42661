"""Writes this folder's vectors, with implementations independent of the crate's libraries.

Needs `pip install ecdsa cryptography pycryptodome`. Points come from `ecdsa` (pure Python), each
P-256 answer is confirmed by `cryptography` (OpenSSL), the address hash is pycryptodome's Keccak.
"""

import hashlib
import json
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from Crypto.Hash import keccak
from ecdsa import NIST256p, SECP256k1
from ecdsa.ellipticcurve import INFINITY, Point

HERE = Path(__file__).parent


def word(value):
    return value.to_bytes(32, "big")


def scalar(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def write(name, vectors):
    rows = [{"Name": n, "Input": i.hex(), "Expected": e.hex()} for n, i, e in vectors]
    (HERE / name).write_text(json.dumps(rows, indent=2) + "\n")


def lift(curve, x, odd):
    """The point with this x and parity, or None."""
    p = curve.p()
    y2 = (x**3 + curve.a() * x + curve.b()) % p
    y = pow(y2, (p + 1) // 4, p)
    if y * y % p != y2:
        return None
    return Point(curve, x, y if y % 2 == odd else p - y)


# secp256k1

K = SECP256k1
N, P, G = K.order, K.curve.p(), K.generator.to_affine()


def recover(data):
    """The precompile by its definition: Q = (s R - z G) / r."""
    data = data.ljust(128, b"\0")[:128]
    z, v, r, s = (int.from_bytes(data[i : i + 32], "big") for i in range(0, 128, 32))
    if v not in (27, 28) or not 0 < r < N or not 0 < s < N:
        return b""
    point = lift(K.curve, r, v - 27)
    if point is None:
        return b""
    inverse = pow(r, -1, N)
    key = point * (s * inverse % N) + G * (-z * inverse % N)
    if key == INFINITY:
        return b""
    digest = keccak.new(digest_bits=256, data=word(key.x()) + word(key.y())).digest()
    return bytes(12) + digest[12:]


def sign(z, secret, k):
    point = G * k
    r = point.x() % N
    return r, (z + r * secret) * pow(k, -1, N) % N, 27 + point.y() % 2


def ecrecover():
    z, secret = scalar("message"), scalar("secret") % N
    r, s, v = sign(z, secret, scalar("nonce") % N)
    low = min(s, N - s)
    low_v = v if low == s else 55 - v
    request = lambda z=z, v=low_v, r=r, s=low: word(z) + word(v) + word(r) + word(s)
    not_x = next(x for x in range(1, 100) if lift(K.curve, x, 0) is None)
    some_x = next(x for x in range(1, 100) if lift(K.curve, x, 0) is not None)
    k = scalar("infinity") % N
    at_infinity = G * k
    cases = [
        ("low s", request()),
        ("high s", request(v=55 - low_v, s=N - low)),
        ("other parity, another key", request(v=55 - low_v)),
        ("another key of another hash", request(z=scalar("other"))),
        ("hash zero", request(z=0)),
        ("hash n", request(z=N)),
        ("hash above n", request(z=2**256 - 1)),
        ("s one", request(s=1)),
        ("s n-1", request(s=N - 1)),
        ("small r on the curve", request(r=some_x)),
        ("r no x of the curve", request(r=not_x)),
        ("r zero", request(r=0)),
        ("r n", request(r=N)),
        ("r n-1", request(r=N - 1)),
        ("r above n, below p", request(r=N + 1)),
        ("r p", request(r=P)),
        ("r maximal", request(r=2**256 - 1)),
        ("s zero", request(s=0)),
        ("s n", request(s=N)),
        ("s maximal", request(s=2**256 - 1)),
        ("v 0", request(v=0)),
        ("v 1", request(v=1)),
        ("v 26", request(v=26)),
        ("v 29", request(v=29)),
        ("v 30", request(v=30)),
        ("v 27 + 256", request(v=27 + 256)),
        ("v 28 in the first byte", request(v=28 << 248)),
        ("key at infinity", request(z=k * low % N, v=27 + at_infinity.y() % 2, r=at_infinity.x())),
        ("empty", b""),
        ("hash alone", word(z)),
        ("s cut by a byte", request()[:-1]),
        ("s one byte, padded to high", (word(z) + word(low_v) + word(r) + b"\x01")),
        ("too long, rest ignored", request() + b"\xff" * 40),
    ]
    vectors = [(name, data, recover(data)) for name, data in cases]
    address = keccak.new(
        digest_bits=256, data=b"".join(word(c) for c in ((G * secret).x(), (G * secret).y()))
    ).digest()[12:]
    answers = {name: answer for name, _, answer in vectors}
    for name in ("low s", "high s", "too long, rest ignored"):
        assert answers[name] == bytes(12) + address
    assert answers["key at infinity"] == b""
    write("ecrecover.json", vectors)


# secp256r1

R = NIST256p
RN, RP, RG = R.order, R.curve.p(), R.generator.to_affine()


def openssl(z, r, s, x, y):
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(
            utils.encode_dss_signature(r, s), word(z), ec.ECDSA(utils.Prehashed(hashes.SHA256()))
        )
        return True
    except (InvalidSignature, ValueError):
        return False


def verify(data):
    """EIP-7951 by its text, confirmed by OpenSSL."""
    if len(data) != 160:
        return b""
    z, r, s, x, y = (int.from_bytes(data[i : i + 32], "big") for i in range(0, 160, 32))
    good = 0 < r < RN and 0 < s < RN and x < RP and y < RP and (x, y) != (0, 0)
    good = good and (y * y - (x**3 + R.curve.a() * x + R.curve.b())) % RP == 0
    if good:
        inverse = pow(s, -1, RN)
        point = RG * (z * inverse % RN) + Point(R.curve, x, y) * (r * inverse % RN)
        good = point != INFINITY and point.x() % RN == r
    # OpenSSL reduces coordinates where EIP-7951 refuses them.
    assert good == openssl(z, r, s, x, y) or max(x, y) >= RP
    return word(1) if good else b""


def p256():
    z, secret, k = scalar("p256 message"), scalar("p256 secret") % RN, scalar("p256 nonce") % RN
    key = RG * secret
    r = (RG * k).x() % RN
    s = (z + r * secret) * pow(k, -1, RN) % RN
    x, y = key.x(), key.y()
    request = lambda z=z, r=r, s=s, x=x, y=y: b"".join(map(word, (z, r, s, x, y)))

    # A nonce point whose x is at least n, so that r is x - n; the key is made to fit.
    wide = next(p for d in range(1, 100) if (p := lift(R.curve, RN + d, 0)))
    wide_r, wide_s = wide.x() - RN, scalar("wide")
    fitting = (wide * wide_s + RG * (-z % RN)) * pow(wide_r, -1, RN)

    # A key of small x, so that x + p fits into 32 bytes, with a signature that would check.
    small = next(p for d in range(0, 100) if (p := lift(R.curve, d, 0)))
    a, b = scalar("a") % RN, scalar("b") % RN
    forged = RG * a + small * b
    forged_r = forged.x() % RN
    forged_s = forged_r * pow(b, -1, RN) % RN
    forged_z = a * forged_s % RN
    small_key = dict(z=forged_z, r=forged_r, s=forged_s, x=small.x(), y=small.y())

    cases = [
        ("valid", request()),
        ("valid, other s", request(s=RN - s)),
        ("hash zero", request(z=0)),
        ("valid for hash zero", request(z=0, s=r * secret * pow(k, -1, RN) % RN)),
        ("hash plus one", request(z=z + 1)),
        ("hash n short of the maximum", request(z=2**256 - 1 - RN)),
        ("valid, x of the nonce point above n",
         request(r=wide_r, s=wide_s % RN, x=fitting.x(), y=fitting.y())),
        ("r not reduced", request(r=wide_r + RN, s=wide_s % RN, x=fitting.x(), y=fitting.y())),
        ("valid, small x", request(**small_key)),
        ("x not reduced", request(**{**small_key, "x": small.x() + RP})),
        ("nonce point at infinity", request(z=-r * secret % RN)),
        ("r zero", request(r=0)),
        ("s zero", request(s=0)),
        ("r and s zero", request(r=0, s=0)),
        ("r n", request(r=RN)),
        ("s n", request(s=RN)),
        ("s maximal", request(s=2**256 - 1)),
        ("r and s swapped", request(r=s, s=r)),
        ("key at infinity", request(x=0, y=0)),
        ("key off the curve", request(y=y ^ 1)),
        ("x p", request(x=RP)),
        ("y p", request(y=RP)),
        ("y maximal", request(y=2**256 - 1)),
        ("negated key", request(y=RP - y)),
        ("key is the generator", request(x=RG.x(), y=RG.y())),
        ("nothing", b""),
        ("a byte short", request()[:-1]),
        ("a byte long", request() + b"\0"),
        ("all zero", bytes(160)),
        ("all ones", b"\xff" * 160),
    ]
    vectors = [(name, data, verify(data)) for name, data in cases]
    for name, _, answer in vectors:
        assert answer == (word(1) if name.startswith("valid") else b""), name
    write("p256_verify.json", vectors)


ecrecover()
p256()
