"""The web of `webtext demo`: pages made of Python's own documentation, planted cases, a Reddit dump that links to them, a server.

What is planted, and where it must end, is in data/*.toml. To look at the pages, start a browser that asks the server for all names:
`chromium --host-resolver-rules="MAP *.example 127.0.0.1:PORT"`.
"""

from webtext.demo.cases import Case, Response
from webtext.demo.files import demo_config_toml, write_benchmark, write_dump
from webtext.demo.server import Server, serve
from webtext.demo.world import World, make_world

__all__ = ["Case", "Response", "Server", "World", "demo_config_toml", "make_world", "serve", "write_benchmark", "write_dump"]
