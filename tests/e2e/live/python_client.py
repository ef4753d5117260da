"""supabase-py's realtime client as a child process: does what the lines on its standard input say (JSON, one a line)
and prints what it hears."""

import asyncio
import json
import logging
import sys

from realtime import AsyncRealtimeClient


def tell(what, **more):
    print(json.dumps({"what": what, **more}), flush=True)


class Errors(logging.Handler):
    """What the library complains about; messages of our own kind that it does not know are no complaint."""

    def emit(self, record):
        text = record.getMessage()
        if '"extension":"chairside"' not in text:
            tell("complaint", text=text[:300])


async def main(url, key):
    logging.getLogger("realtime").addHandler(Errors(logging.ERROR))
    client = AsyncRealtimeClient(url, key)
    channels = {}

    async def join(topic, token, entries, broadcast):
        await client.set_auth(token)
        channel = client.channel(topic, {"config": {"broadcast": broadcast, "presence": {"key": topic}}})
        for entry in entries:
            channel.on_postgres_changes(callback=lambda change: tell("change", topic=topic, **change["data"]), **entry)
        channel.on_system(lambda message: tell("system", topic=topic, message=message.message))
        channel.on_broadcast("*", lambda message: tell("broadcast", topic=topic, event=message["event"], payload=message["payload"]))
        channel.on_presence_sync(lambda: tell("presence", topic=topic, keys=list(channel.presence_state())))
        channels[topic] = channel
        await channel.subscribe(lambda state, error: tell("state", topic=topic, state=state.value, error=str(error or "")))

    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        match order.pop("do"):
            case "join":
                await join(**order)
            case "auth":
                await client.set_auth(order["token"])
            case "say":
                await channels[order["topic"]].send_broadcast(order["event"], order["payload"])
            case "track":
                await channels[order["topic"]].track(order["payload"])
            case "leave":
                await channels[order["topic"]].unsubscribe()
    await client.close()


asyncio.run(main(*sys.argv[1:]))
