"""EDN, the notation of Clojure's data (github.com/edn-format/edn): a streaming reader and a writer."""

from histories.edn.reader import read_first as read_first
from histories.edn.reader import read_forms as read_forms
from histories.edn.scalars import Edn as Edn
from histories.edn.scalars import Keyword as Keyword
from histories.edn.scalars import Set as Set
from histories.edn.scalars import Symbol as Symbol
from histories.edn.writer import write_edn as write_edn
