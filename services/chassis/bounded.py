"""Answers of a neighbour that is not ours, cut off where no honest one ends."""

from collections.abc import AsyncIterator

import httpx

ANSWER_LIMIT = 1024 * 1024


class Bounded(httpx.AsyncBaseTransport):
    """Takes answers up to a length, and plain ones only: a compressed one could unfold to any length."""

    def __init__(self, way: httpx.AsyncBaseTransport, *, limit: int = ANSWER_LIMIT) -> None:
        self._way = way
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        answer = await self._way.handle_async_request(request)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            await answer.aclose()
            raise httpx.DecodingError("The answer is compressed.", request=request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Counted(answer.stream, self._limit)
        return answer

    async def aclose(self) -> None:
        await self._way.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, left: int) -> None:
        self._stream = stream
        self._left = left

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise httpx.RemoteProtocolError("The answer is too long.")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
