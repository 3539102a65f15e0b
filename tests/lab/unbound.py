"""unbound, as it runs in a namespace."""

from tests.lab.netns import Namespace
from tests.lab.process import Process

_SERVER = """
server:
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  access-control: 0.0.0.0/0 allow
"""


def start_unbound(host: Namespace, more: str, *, name: str = "unbound") -> Process:
    """`more` is the rest of `server:`, its interfaces to begin with, and what may follow it."""
    config = host.directory / f"{name}.conf"
    config.write_text(_SERVER.format(directory=host.directory) + more)
    return host.start(["unbound", "-d", "-c", config], name=name).wait_ready()
