"""The pictures of cases as JPEG without metadata, and what is known of them, as JSON.

The files themselves are never sent. Pictures hold nothing of the AI, so they are the same before
and after the first read.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from anyio import CapacityLimiter, Lock, to_thread
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from triage.accounts import Action, may
from triage.accounts.sessions import Session
from triage.errors import NoSuchCase, StoreError
from triage.modalities import MODALITIES
from triage.store import Store
from triage.store.cases import get_case
from triage.store.records import ImageRecord
from ui.image_address import MAIN_FRAME, PictureSize
from ui.image_facts import ImageFacts, described, facts_of
from ui.image_files import OUTSIDE, path_of
from ui.serving.access import LOGIN
from ui.serving.picture_cache import SizedCache
from ui.stored_pictures import read_photograph, read_scan

_SIDES = {PictureSize.THUMBNAIL: 160, PictureSize.FITTED: 1600}
"""Most pixels on the longer side."""
_QUALITY = {PictureSize.THUMBNAIL: 85, PictureSize.FITTED: 92, PictureSize.NATIVE: 95}
_ENCODED = 192 * 2**20
_DECODED = 64 * 2**20
"""Bytes kept in memory: of pictures as sent, and of decoded files, whose other frames and sizes are
likely to be asked for next."""
_FACTS = 4 * 2**20
_BYTES_OF_FACTS = 2 * 2**10
"""What is known of one image, about."""
_LOOKS_AT_ONCE = 4
_PHOTOGRAPHS_AT_ONCE = 2
_VOLUMES_AT_ONCE = 1
"""Decoding one takes up to 1 GiB of memory."""
_ABSENT = "There is no such picture."
_NOT_NOW = "The picture cannot be looked up now. Load the page again in a moment."
_MISSING = "The file is missing or cannot be read."
_FILES_OF_A_FOLDER = 5000
"""Of a volume that is a folder, so many files are looked at."""


class _Unavailable(Exception):
    """Why a picture cannot be sent, in a sentence that names no file."""


@dataclass(frozen=True, slots=True)
class _Source:
    """One file of a case, as it lies on the disk now."""

    image: ImageRecord
    volume: bool
    key: Hashable


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Frames of a file, uint8 [F, H, W] or [F, H, W, 3], and what is known of it."""

    frames: NDArray[np.uint8]
    facts: ImageFacts


class ImageRoutes:
    """Answers `/images/...` (`ui.image_address`).

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._encoded = SizedCache[bytes](_ENCODED)
        self._decoded = SizedCache[_Decoded](_DECODED)
        self._facts = SizedCache[ImageFacts](_FACTS)
        self._looks = CapacityLimiter(_LOOKS_AT_ONCE)
        self._photographs = CapacityLimiter(_PHOTOGRAPHS_AT_ONCE)
        self._volumes = CapacityLimiter(_VOLUMES_AT_ONCE)
        self._locks: dict[Hashable, Lock] = {}
        self._waiting: Counter[Hashable] = Counter()

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        image = "/images/{case}/{position}"
        return [
            Route(f"{image}/{{frame}}/{{size}}", self._picture, methods=["GET"]),
            Route(f"{image}/facts", self._described, methods=["GET"]),
        ]

    async def _picture(self, request: Request) -> Response:
        session: Session = request.scope[LOGIN]
        if not may(session.actor, Action.VIEW_CASES):
            return PlainTextResponse("Your role does not include looking at cases.", 403)
        try:
            size, frame = _wanted(request)
            find = partial(self._source, **_numbers(request))
            source = await to_thread.run_sync(find, limiter=self._looks)
            content = await self._content(source, frame, size)
        except _Unavailable as refusal:
            return PlainTextResponse(str(refusal), 404)
        return Response(content, media_type="image/jpeg")

    async def _described(self, request: Request) -> Response:
        session: Session = request.scope[LOGIN]
        if not may(session.actor, Action.VIEW_CASES):
            return PlainTextResponse("Your role does not include looking at cases.", 403)
        try:
            numbers = _numbers(request)
            source = await to_thread.run_sync(partial(self._source, **numbers), limiter=self._looks)
            facts = await self._facts_of(source)
        except _Unavailable as refusal:
            return JSONResponse({"problem": str(refusal)})
        return JSONResponse(
            described(facts, numbers["case"], numbers["position"], volume=source.volume)
        )

    def _source(self, case: int, position: int) -> _Source:
        try:
            with self._store.reading() as session:
                found = get_case(session, case)
        except NoSuchCase:
            raise _Unavailable(_ABSENT) from None
        except StoreError:
            raise _Unavailable(_NOT_NOW) from None
        if position >= len(found.images):
            raise _Unavailable(_ABSENT)
        image = found.images[position]
        if (path := path_of(image)) is None:
            raise _Unavailable(_sentence(OUTSIDE))
        try:
            state = _state_on_disk(path)
        except OSError:
            raise _Unavailable(_MISSING) from None
        # The hash says what was received, the state whether the file may have changed since it was
        # read: then it is read again, and refused if its hash differs.
        volume = MODALITIES[found.modality].volumes
        return _Source(image, volume, (image.sha256, volume, state))

    async def _content(self, source: _Source, frame: int | None, size: PictureSize) -> bytes:
        key = (source.key, frame, size)
        if (kept := self._encoded.get(key)) is not None:
            return kept
        async with self._alone(source):
            if (kept := self._encoded.get(key)) is not None:
                return kept
            frames = (await self._read(source)).frames
            at = _place(frame, len(frames), source.volume)
            content = await to_thread.run_sync(
                partial(_jpeg, frames[at], size), limiter=self._photographs
            )
            if source.image.sha256 is not None:
                self._encoded.put(key, content, len(content))
            return content

    async def _facts_of(self, source: _Source) -> ImageFacts:
        if (kept := self._facts.get(source.key)) is not None:
            return kept
        if not source.volume and source.image.sha256 is not None:
            # The picture is asked for next. A large one is not kept decoded until then.
            await self._content(source, 0, PictureSize.FITTED)
        async with self._alone(source):
            return self._facts.get(source.key) or (await self._read(source)).facts

    @asynccontextmanager
    async def _alone(self, source: _Source) -> AsyncIterator[None]:
        """Let whoever asks for the same file wait until it is decoded, once."""
        lock = self._locks.setdefault(source.key, Lock())
        self._waiting[source.key] += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[source.key] -= 1
            if not self._waiting[source.key]:
                del self._waiting[source.key], self._locks[source.key]

    async def _read(self, source: _Source) -> _Decoded:
        if (kept := self._decoded.get(source.key)) is not None:
            return kept
        limiter = self._volumes if source.volume else self._photographs
        read: Callable[[ImageRecord], _Decoded | str] = _bscans if source.volume else _pixels
        found = await to_thread.run_sync(partial(read, source.image), limiter=limiter)
        if isinstance(found, str):
            raise _Unavailable(_sentence(found))
        if source.image.sha256 is not None:
            self._decoded.put(source.key, found, found.frames.nbytes)
            self._facts.put(source.key, found.facts, _BYTES_OF_FACTS)
        return found


def _wanted(request: Request) -> tuple[PictureSize, int | None]:
    size, frame = request.path_params["size"], request.path_params["frame"]
    if size not in tuple(PictureSize):
        raise _Unavailable(_ABSENT)
    return PictureSize(size), None if frame == MAIN_FRAME else _number(frame)


def _numbers(request: Request) -> dict[str, int]:
    return {name: _number(request.path_params[name]) for name in ("case", "position")}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _Unavailable(_ABSENT)
    return int(text)


def _state_on_disk(path: Path) -> Hashable:
    """Return what changes where a file, or one of a folder, is written or replaced.

    Raises
    ------
    OSError
        If it cannot be looked at.
    """
    paths = [path]
    if path.is_dir():
        paths += sorted(islice(path.rglob("*"), _FILES_OF_A_FOLDER))
    states = [(os.fspath(one), os.stat(one)) for one in paths]
    return tuple(
        (name, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        for name, state in states
    )


def _place(frame: int | None, count: int, volume: bool) -> int:
    if frame is None:
        return count // 2 if volume else 0
    if frame >= count:
        raise _Unavailable(_ABSENT)
    return frame


def _pixels(image: ImageRecord) -> _Decoded | str:
    found = read_photograph(image)
    return found if isinstance(found, str) else _Decoded(found.frames, facts_of(found, image))


def _bscans(image: ImageRecord) -> _Decoded | str:
    found = read_scan(image)
    return found if isinstance(found, str) else _Decoded(found.bscans, facts_of(found, image))


def _jpeg(pixels: NDArray[np.uint8], size: PictureSize) -> bytes:
    picture = Image.fromarray(pixels)
    if (side := _SIDES.get(size)) is not None:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    subsampling = 2 if size is PictureSize.THUMBNAIL else 0
    picture.save(stream, "JPEG", quality=_QUALITY[size], subsampling=subsampling)
    return stream.getvalue()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
