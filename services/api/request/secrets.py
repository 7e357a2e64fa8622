"""Secrets as they are stored: tokens by a digest, passwords by Argon2id. Used by whoever makes or checks one.

Promises that only a hash is stored, and that a wrong name takes as long as a wrong password.
"""

import asyncio
import hashlib
import secrets
import unicodedata

from pwdlib import PasswordHash

KEY_PREFIX = "ft_"
HASHER = PasswordHash.recommended()  # Argon2id
# Compared when the name is unknown, so that the time taken reveals nothing: of 256 random bits that were not kept.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$bTJrtlj72/R+1JsNMUKg9w$EAs9EQDo6Sm+qlQs67G2BytYQEUpDBu0n1XY/lSHC+4"
_HASHING = asyncio.Semaphore(2)  # 64 MiB and a core each


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Return what is stored of a token. A random token needs no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def normal_form(password: str) -> str:
    """Return what is hashed: the same keys give the same text, whatever the input method made of them."""
    return unicodedata.normalize("NFKC", password)


async def hash_password(password: str) -> str:
    """Return the Argon2id hash; off the loop, because it takes a core for tens of milliseconds."""
    async with _HASHING:
        return await asyncio.to_thread(HASHER.hash, normal_form(password))


async def password_fits(password: str, stored: str | None) -> bool:
    """Whether `password` is the one behind `stored`; takes as long when there is no such person."""
    async with _HASHING:
        fits = await asyncio.to_thread(_fits, password, stored or _NOBODY)
    return fits and stored is not None


def _fits(password: str, stored: str) -> bool:
    normal = normal_form(password)
    # what an older release stored was not in the normal form
    return HASHER.verify(normal, stored) or (normal != password and HASHER.verify(password, stored))
