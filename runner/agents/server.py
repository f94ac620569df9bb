"""The desk as a server of the Model Context Protocol on standard input and output, by the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from runner import __version__
from runner.agents.tools import LONGEST_WAIT_S, Tools
from runner.console import clean
from runner.data import to_json
from runner.errors import RunnerError

T = TypeVar("T")
_LOOK_S = 0.2
"""Between looks for whether something has changed."""
_INSTRUCTIONS = """\
prodgen makes finished product pictures of one product photo: packshots that meet a shop's rules, cut-outs, new scenes.
The product stays the seller's own, pixel by pixel. Call `workflows`, then `inputs` for what can be set, `submit` with
paths of photos on this machine, and `result` with a job's id (wait_s up to 50). A refused job says why; a photo
whose product was not found can be submitted again with values {"hint": path of a rough mask, white = product}."""
_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_MAKES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


def make_server(tools: Tools) -> MCPServer[Any]:
    """The server with its tools; nothing of it speaks to anybody yet."""
    server: MCPServer[Any] = MCPServer("prodgen", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING")

    @server.tool(title="What can be made", annotations=_READS, structured_output=False)
    async def workflows() -> str:
        """Every workflow: name, version, what it makes, and what is missing where the server cannot make it."""
        return _text(await _asked(tools.workflows))

    @server.tool(title="What can be set", annotations=_READS, structured_output=False)
    async def inputs(workflow: str) -> str:
        """What can be set in a workflow: name, type, default, range, choices, help."""
        return _text(await _asked(lambda: tools.inputs(workflow)))

    @server.tool(title="Make pictures", annotations=_MAKES, structured_output=False)
    async def submit(
        workflow: str, photos: list[str], values: dict[str, str | int | float | bool] | None = None
    ) -> str:
        """Hand in photos (paths on this machine), a job each; returns the jobs' ids at once.

        `values` sets inputs of the workflow, for example {"channel": "amazon"} for packshot.
        """
        return _text(await _asked(lambda: tools.submit(workflow, photos, values or {})))

    @server.tool(title="How it stands", annotations=_READS, structured_output=False)
    async def status(ids: list[str] | None = None) -> str:
        """How jobs stand (all of them without ids) and whether there is a ComfyUI."""
        return _text(await _asked(lambda: tools.status(ids or ())))

    @server.tool(title="What became of it", annotations=_READS, structured_output=False)
    async def result(id: str, wait_s: float = 0.0) -> list[Any]:  # noqa: A002 - what agents are told to send
        """A job's state, why it did not pass, its rules, its files (paths), and small copies of its pictures.

        `wait_s`: wait so many seconds (at most 50) for the job to end.
        """
        await _waited(tools, id, wait_s)
        summary, pictures = await _asked(lambda: tools.result(id))
        return [_text(summary), *(Image(data=picture, format="jpeg") for picture in pictures)]

    if tools.has_check():

        @server.tool(title="Is it still the product", annotations=_MAKES, structured_output=False)
        async def check(photo: str, picture: str, channel: str = "") -> str:
            """Compare the product in a picture, whatever tool made it, with the seller's photo of it.

            Where the answer says that it has not ended, ask `result` for the job.
            """
            number = await _asked(lambda: tools.check(photo, picture, channel))
            await _waited(tools, number, LONGEST_WAIT_S)
            return _text((await _asked(lambda: tools.result(number)))[0])

    return server


def serve(tools: Tools) -> None:
    """Until the client closes the connection."""
    anyio.run(make_server(tools).run_stdio_async)


async def _waited(tools: Tools, number: str, seconds: float) -> None:
    """Until the job has ended, or the time is over; NaN is no time. Hundreds may wait, and none of them holds a thread,
    of which the others' answers would be short."""
    end = anyio.current_time() + (min(seconds, LONGEST_WAIT_S) if seconds > 0 else 0.0)
    while anyio.current_time() < end:
        seen = tools.revision
        if await _asked(lambda: tools.has_ended(number)):
            return
        while tools.revision == seen and anyio.current_time() < end:
            await anyio.sleep(_LOOK_S)


async def _asked(question: Callable[[], T]) -> T:
    """The answer, found on a thread of its own; what is refused, in words."""
    try:
        return await anyio.to_thread.run_sync(question, abandon_on_cancel=True)
    except RunnerError as error:
        raise ToolError(clean(str(error))) from error


def _text(value: Any) -> str:
    """`value` as JSON that UTF-8 has, also where a folder's name is not UTF-8: what cannot be sent ends the server."""
    return to_json(value, indent=1)
