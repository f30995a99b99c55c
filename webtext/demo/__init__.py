"""The embedded small web of `webtext demo`: pages made of text that ships with Python, a Reddit dump that links to them, a server.

    world = make_world()
    write_dump(world, dump), write_benchmark(world, benchmark)
    with serve(world) as server:
        configuration = demo_config_toml(server.port, dump, benchmark)

Needs no network and no data of anyone else. To look at its pages, point a browser at the server for all names of the demo:
`chromium --host-resolver-rules="MAP *.example 127.0.0.1:PORT"`.
"""

from webtext.demo.builder import Case, Response, World
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import Server, serve
from webtext.demo.world import make_world

__all__ = ["Case", "Response", "Server", "World", "demo_config_toml", "make_world", "serve", "write_benchmark", "write_dump"]
