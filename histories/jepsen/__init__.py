"""Interchange with Jepsen's histories (jepsen.io), which Knossos, Porcupine and Elle read too.

``read_jepsen`` reads EDN, ``read_jepsen_log`` the console log or ``history.txt``, ``write_jepsen`` writes EDN that
comes back as the same history; ``sniff`` tells which kind of file lies there.
"""

from histories.jepsen.edn_file import read_jepsen as read_jepsen
from histories.jepsen.export import write_jepsen as write_jepsen
from histories.jepsen.log_file import read_jepsen_log as read_jepsen_log
from histories.jepsen.sniff import Kind as Kind
from histories.jepsen.sniff import sniff as sniff
