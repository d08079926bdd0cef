"""A searchable index of the standard library's documentation strings.

The modules are imported, their public functions, classes and methods read by ``inspect``, and the
documentation strings put into an SQLite FTS5 table in memory. Words are stemmed (Porter), ranking
is BM25 with the object's name weighing more than its text.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sqlite3
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

# Small, documented modules that import quickly and have no effect when imported.
MODULES = """
    base64 bisect calendar collections colorsys configparser contextlib copy csv dataclasses
    datetime decimal difflib enum fnmatch fractions functools glob gzip hashlib heapq html itertools
    json logging math operator os os.path pathlib pickle pprint queue random re secrets shlex shutil
    sqlite3 statistics string struct subprocess tempfile textwrap threading time urllib.parse uuid
    zipfile
""".split()  # noqa: SIM905 - as a list each word would take a line
# A shorter text is a remark such as "Helper." and answers nothing.
MIN_CHARACTERS = 20
# What a model is sent of one passage: the first paragraphs, where a docstring says what it is for.
MAX_CHARACTERS = 1_200
# A name that matches says more about what a passage is for than a word within it.
NAME_WEIGHT = 4.0
STOP_WORDS = frozenset(
    """
    a an and any are as at be by can do does for from get have how i in into is it its me my of on
    or out python should that the there this to use using want way what when where which who why
    will with would you
    """.split()  # noqa: SIM905 - as above
)


class Passage(NamedTuple):
    """One documentation string.

    Attributes
    ----------
    name : str
        The object's dotted name, such as ``"math.comb"``.
    text : str
        Its documentation string, cut at `MAX_CHARACTERS`.
    score : float
        How well it fits the query it was found by; higher is better.
    """

    name: str
    text: str
    score: float = 0.0


def words(text: str) -> list[str]:
    """Return the words of a question that are worth searching for.

    Parameters
    ----------
    text : str
        A question in English.

    Returns
    -------
    list of str
        Lower case, each once, in their order, without stop words and numbers.

    Examples
    --------
    >>> words("How do I sort a list by its 2nd item?")
    ['sort', 'list', '2nd', 'item']
    """
    found = re.findall(r"[a-z0-9]+", text.lower().replace("_", " "))
    return list(
        dict.fromkeys(word for word in found if word not in STOP_WORDS and not word.isdigit())
    )


def _public_members(holder: ModuleType | type) -> Iterator[tuple[str, object]]:
    names = getattr(holder, "__all__", None) or dir(holder)
    for name in names:
        if not name.startswith("_"):
            member = getattr(holder, name, None)
            if inspect.isclass(member) or inspect.isroutine(member):
                yield name, member


def read_passages(modules: Sequence[str] = MODULES) -> Iterator[Passage]:
    """Read the documentation strings of modules, importing them.

    Parameters
    ----------
    modules : sequence of str, optional
        Dotted names of modules.

    Yields
    ------
    Passage
        One for each public function, class and method that is documented.

    Examples
    --------
    >>> [p.name for p in read_passages(["bisect"]) if p.name.endswith("left")]
    ['bisect.bisect_left', 'bisect.insort_left']
    """
    for module_name in modules:
        module = importlib.import_module(module_name)
        for name, member in _public_members(module):
            owner = f"{module_name}.{name}"
            if passage := _passage(owner, member):
                yield passage
            if inspect.isclass(member) and (member.__module__ or "").startswith(module_name):
                for method_name, method in _public_members(member):
                    # An inherited method says nothing about this class.
                    if method_name in vars(member) and (
                        passage := _passage(f"{owner}.{method_name}", method)
                    ):
                        yield passage


def _passage(name: str, member: object) -> Passage | None:
    text = inspect.getdoc(member) or ""
    return Passage(name, text[:MAX_CHARACTERS]) if len(text) >= MIN_CHARACTERS else None


class DocumentationIndex:
    """Documentation strings that can be searched by words.

    Parameters
    ----------
    modules : sequence of str, optional
        Dotted names of the modules to read.

    Raises
    ------
    RuntimeError
        When Python was started with ``-OO``, which strips the documentation strings.

    Examples
    --------
    >>> with DocumentationIndex(["math", "statistics"]) as index:
    ...     [passage.name for passage in index.search("binomial coefficient", limit=1)]
    ['math.comb']
    """

    def __init__(self, modules: Sequence[str] = MODULES) -> None:
        if DocumentationIndex.__doc__ is None:
            message = "documentation strings are stripped: start Python without -OO"
            raise RuntimeError(message)
        # In a notebook a later cell may run on another thread than the one that built the index.
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.execute(
            "CREATE VIRTUAL TABLE passages USING fts5(words, text, name UNINDEXED,"
            " tokenize='porter unicode61')"
        )
        self._database.executemany(
            "INSERT INTO passages(words, text, name) VALUES (?, ?, ?)",
            (
                (re.sub(r"[._]", " ", passage.name), passage.text, passage.name)
                for passage in read_passages(modules)
            ),
        )
        self.names = frozenset(
            name for (name,) in self._database.execute("SELECT name FROM passages")
        )

    def __len__(self) -> int:
        return len(self.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the index."""
        self._database.close()

    def search(self, query: str, *, limit: int = 5) -> list[Passage]:
        """Return the passages that fit a question best.

        Parameters
        ----------
        query : str
            A question in English; any of its words may match.
        limit : int, optional
            The most passages to return.

        Returns
        -------
        list of Passage
            Best first, each with its score.
        """
        terms = words(query)
        if not terms:
            return []
        match = " OR ".join(f'"{term}"' for term in terms)
        rows = self._database.execute(
            "SELECT name, text, -bm25(passages, ?, 1.0) AS score FROM passages"
            " WHERE passages MATCH ? ORDER BY score DESC, name LIMIT ?",
            (NAME_WEIGHT, match, limit),
        )
        return [Passage(name, text, round(score, 3)) for name, text, score in rows]
