"""Files of a backup: compressed, encrypted when there is a passphrase, and never half of one under its real name.

Called by everything that writes into or reads from a backup folder. Encryption is GnuPG's symmetric one (AES-256 with
an integrity code): with the passphrase, `gpg -d FILE | gunzip` reads a file without us.
"""

import gzip
import hashlib
import io
import os
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Self, cast

from services.core.errors import FiretowerError
from stack.children import die_with_parent

_CHUNK_BYTES = 2**20
_LEVEL = 1  # the log must never cost what a fire needs; higher levels save a tenth for three times the work
_GZIP = 16 + zlib.MAX_WBITS  # zlib's name for gzip's own header
ENCRYPTED = ".gpg"
UNFINISHED = ".part"


class Unreadable(FiretowerError):
    """A file of a copy that cannot be read; the text says which and why."""


@dataclass(frozen=True)
class Packed:
    """What a written file is known by."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Seal:
    """How the files of one backup folder are kept: with a passphrase or without."""

    passphrase_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a passphrase that is empty or cannot be read."""
        if self.passphrase_file is not None:
            try:
                empty = not self.passphrase_file.read_text(encoding="utf-8").partition("\n")[0].strip()
            except (OSError, UnicodeDecodeError) as error:
                raise FiretowerError(f"the passphrase file {self.passphrase_file} cannot be read: {error}") from None
            if empty:
                raise FiretowerError(f"the passphrase file {self.passphrase_file} has an empty first line")

    def name(self, plain: str) -> str:
        """What a file is called here."""
        return plain + ENCRYPTED if self.passphrase_file is not None else plain

    def write(self, target: Path, content: bytes) -> Packed:
        """Compress, encrypt and write one small file whole.

        Raises:
            OSError, FiretowerError: it cannot be written, and nothing of it is there.
        """
        return self.write_packed(target, compressed(io.BytesIO(content)))

    def write_packed(self, target: Path, chunks: Iterable[bytes]) -> Packed:
        """Encrypt and write what is compressed already.

        Raises:
            OSError, FiretowerError: as `write`.
        """
        if self.passphrase_file is None:
            return _write_whole(target, chunks)
        with closing(self._encrypted_chunks(chunks)) as encrypted:
            return _write_whole(target, encrypted)

    def write_stream(self, target: Path, compressed: IO[bytes]) -> Packed:
        """Encrypt and write what a process puts out, of any size."""
        if self.passphrase_file is None:
            return _write_whole(target, chunks_of(compressed))
        with closing(self._encrypted(compressed)) as encrypted:
            return _write_whole(target, encrypted)

    def _encrypted(self, source: IO[bytes]) -> Generator[bytes]:
        """All that GnuPG makes of it; it ends only once GnuPG has said that this is all."""
        with self._gpg("--symmetric", source) as encrypting:
            yield from chunks_of(encrypting)

    def _encrypted_chunks(self, chunks: Iterable[bytes]) -> Generator[bytes]:
        with _Feeding(chunks) as feeding, self._gpg("--symmetric", feeding.source) as encrypting:
            feeding.source.close()  # gpg has it: else the feeder would never learn that gpg has ended
            yield from feeding.all_of(encrypting)

    def passphrase(self) -> str:
        """The first line of the passphrase file as it is now, empty when there is none.

        Raises:
            OSError: it cannot be read.
        """
        if self.passphrase_file is None:
            return ""
        return self.passphrase_file.read_text(encoding="utf-8", errors="replace").partition("\n")[0]

    def fits(self, path: Path) -> bool:
        """Whether this is how a file was sealed; only its beginning is read."""
        if path.name != self.name(path.name.removesuffix(ENCRYPTED)):
            return False
        if self.passphrase_file is None:
            return True
        with path.open("rb") as raw, tempfile.TemporaryDirectory(prefix="firetower-gpg-") as home:
            beginning = raw.read(_CHUNK_BYTES)  # cut off, so that only its first bytes count, and not the verdict
            done = subprocess.run(self._command(home, "--decrypt"), input=beginning, capture_output=True, check=False)  # noqa: S603
        return bool(done.stdout)

    def _command(self, home: str, what: str) -> list[str]:
        command = ["gpg", "--homedir", home, "--batch", "--quiet", "--no-options", "--no-autostart"]
        command += ["--no-permission-warning", "--pinentry-mode", "loopback"]
        command += ["--passphrase-file", str(self.passphrase_file), "--cipher-algo", "AES256"]
        return [*command, "--s2k-count", "65011712", "--compress-algo", "none", what]

    @contextmanager
    def open(self, path: Path) -> Iterator[BinaryIO]:
        """Read a file as it was before it was packed.

        Raises:
            Unreadable: it is not such a file, or damaged, or this is not its passphrase.
        """
        try:
            with path.open("rb") as raw:
                if path.suffix != ENCRYPTED:
                    with gzip.open(raw) as content:
                        yield cast("BinaryIO", content)
                elif self.passphrase_file is None:
                    raise Unreadable(f"{path} is encrypted: name its passphrase file")
                else:
                    with self._gpg("--decrypt", raw) as decrypting, gzip.open(decrypting) as content:
                        yield cast("BinaryIO", content)
        except (OSError, EOFError, zlib.error) as error:
            raise Unreadable(f"{path} cannot be read: {error}") from error

    @contextmanager
    def _gpg(self, what: str, source: IO[bytes]) -> Iterator[IO[bytes]]:
        """What GnuPG makes of `source`; all of it must be read, else its verdict is not known.

        Raises:
            Unreadable: it refused, which for a damaged or cut file it says at the end.
        """
        with tempfile.TemporaryDirectory(prefix="firetower-gpg-") as home:
            try:
                process = subprocess.Popen(  # noqa: S603
                    self._command(home, what),
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    preexec_fn=die_with_parent(),  # noqa: PLW1509
                )
            except FileNotFoundError:
                raise FiretowerError("gpg is not installed: apt install gnupg, or keep copies unencrypted") from None
            assert process.stdout is not None  # noqa: S101
            assert process.stderr is not None  # noqa: S101
            with process:
                try:
                    yield process.stdout
                except BaseException as error:  # perhaps because gpg gave nothing: then its reason is the better one
                    process.stdout.close()
                    said = process.stderr.read().decode(errors="replace").strip()
                    if process.wait() > 0 and said and "roken pipe" not in said:
                        raise Unreadable(f"gpg {what}: {_why(said)}") from error
                    raise
                rest = process.stdout.read(1)
                said = process.stderr.read().decode(errors="replace").strip()
                if process.wait() != 0 or rest:
                    raise Unreadable(f"gpg {what}: {_why(said)}")


def _why(said: str) -> str:
    """The last line of what GnuPG said, and what to look at when the passphrase does not fit."""
    last = said.splitlines()[-1] if said else "it ended early"
    if "Bad session key" not in said:
        return last
    return f"{last}; the passphrase is the first line as it was, with a blank or line end of Windows (\\r) at its end"


class _Feeding:
    """Chunks as a stream that a process can read: a map has gigabytes, which /tmp may not have."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        read_end, self._write_end = os.pipe()
        self.source: IO[bytes] = os.fdopen(read_end, "rb")
        self._chunks = chunks
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._feed, name="feeding", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self._thread.join()

    def all_of(self, stream: IO[bytes]) -> Iterator[bytes]:
        """All that became of the chunks.

        Raises:
            Exception: what kept one of them from being made.
        """
        yield from chunks_of(stream)
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _feed(self) -> None:
        try:
            with suppress(BrokenPipeError), os.fdopen(self._write_end, "wb") as sink:
                sink.writelines(self._chunks)
        except Exception as error:  # noqa: BLE001  whatever it is, it is raised where the chunks are wanted
            self._failed = error


def compressed(content: IO[bytes]) -> Iterator[bytes]:
    """What `gunzip` makes into `content` again, piece by piece."""
    packing = zlib.compressobj(_LEVEL, wbits=_GZIP)
    for chunk in chunks_of(content):
        yield packing.compress(chunk)
    yield packing.flush()


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """All of a stream."""
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk


def digest_of(path: Path) -> Packed:
    """Size and digest of a file that is there.

    Raises:
        OSError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in chunks_of(file):
            digest.update(chunk)
            size += len(chunk)
    return Packed(size, digest.hexdigest())


def _write_whole(target: Path, chunks: Iterable[bytes]) -> Packed:
    fresh = target.with_name(target.name + UNFINISHED)
    digest, size = hashlib.sha256(), 0
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(target)
        sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    return Packed(size, digest.hexdigest())


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
