"""Say whether a name (of a key, a keyword, a variable, a header) stands for a secret.

A name is split into its words (``OPENAI_API_KEY``, ``openaiApiKey`` and ``openai-api-key`` are the
same three), and the last one or two decide: ``client_secret`` is a secret, ``secret_name`` is not.
Names that mean a credential in one program and something harmless in the next (``token`` is also
what a model streams) are *weak*: their values are redacted only where they look like a credential.
"""

from __future__ import annotations

import re
from enum import IntEnum

# A name longer than this is text, and the cache below keeps what it is given.
MAX_NAME_CHARACTERS = 96
# Programs have hundreds of distinct keys; data used as keys (ids, words) must not fill the memory.
MAX_CACHED_NAMES = 4_096
# Shorter values under a weak name are words or small ids far more often than credentials.
MIN_CREDENTIAL_CHARACTERS = 16


class NameKind(IntEnum):
    """What a name says of its value.

    Examples
    --------
    >>> NameKind.STRONG > NameKind.WEAK > NameKind.HARMLESS
    True
    """

    HARMLESS = 0
    WEAK = 1
    STRONG = 2


# What stands where a secret stood.
REDACTED = "[REDACTED]"

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_CREDENTIAL = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[!-~]{16,}\Z")

# Without a separator (PGPASSWORD, apikey, accesstoken); no English word ends like these.
_STRONG_ENDINGS = (
    "password", "passwords", "passwd", "passphrase", "apikey", "apikeys", "secretkey",
    "privatekey", "accesskey", "accesstoken", "refreshtoken", "authtoken", "clientsecret",
)  # fmt: skip
_STRONG_WORDS = frozenset({
    "secret", "secrets", "passcode", "pwd", "credential", "credentials", "authorization",
    "authorisation", "cookie", "cookies", "jwt",
})  # fmt: skip
_WEAK_WORDS = frozenset({"token", "auth", "pass", "bearer"})
# "<word>_key" and "<word>_token" that always hold a secret.
_KEY_OWNERS = frozenset({
    "api", "access", "secret", "private", "signing", "encryption", "master", "auth", "shared",
    "account", "storage", "subscription", "functions", "deploy", "rsa", "ssh", "hmac",
    "openai", "anthropic", "azure", "google", "gemini", "cohere", "groq", "mistral", "huggingface",
    "hf", "together", "replicate", "pinecone", "langfuse", "langsmith", "langchain", "tavily",
    "serper", "serpapi", "aws", "stripe", "sendgrid", "twilio", "deepseek", "openrouter", "wandb",
})  # fmt: skip
_TOKEN_OWNERS = frozenset({
    "access", "refresh", "id", "auth", "oauth", "session", "security", "bearer", "api", "bot",
    "csrf", "xsrf", "user", "deploy", "personal", "private", "job", "service", "webhook", "secret",
    "hf", "huggingface", "hub", "github", "gh", "gitlab", "slack", "npm", "pypi", "telegram",
    "discord", "replicate", "wandb", "aws", "azure", "jwt",
})  # fmt: skip
# "<word>_token" and "<word>_key" that models, pagers and tables speak of.
_HARMLESS_OWNERS = frozenset({
    "max", "min", "pad", "eos", "bos", "unk", "sep", "cls", "mask", "next", "new", "stop", "start",
    "end", "special", "page", "prev", "previous", "continuation", "cursor", "last", "first", "per",
    "prompt", "completion", "input", "output", "total", "num", "time", "sync", "sample", "text",
    "public", "primary", "foreign", "sort", "partition", "cache", "dict", "hot", "idempotency",
    "object", "index", "group", "row", "routing", "message", "event", "lookup", "dedup",
})  # fmt: skip

_kinds: dict[str, NameKind] = {}
_extra_names: tuple[str, ...] = ()


def _compact(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def set_extra_names(names: tuple[str, ...]) -> None:
    """Take further names as secret, whatever their separators and case.

    Parameters
    ----------
    names : tuple of str
        Such as ``("ssn", "customer_email")``; replaces those of an earlier call.

    Examples
    --------
    >>> set_extra_names(("ssn",))
    >>> name_kind("customer.ssn").name
    'STRONG'
    >>> set_extra_names(())
    """
    global _extra_names  # noqa: PLW0603 - one set of options for the process
    _extra_names = tuple(filter(None, map(_compact, names)))
    _kinds.clear()


def _classify(name: str) -> NameKind:  # noqa: PLR0911 - one line per rule reads best
    if _extra_names and _compact(name).endswith(_extra_names):
        return NameKind.STRONG
    words = [word.lower() for word in _WORDS.findall(name) if not word.isdigit()]
    if not words:
        return NameKind.HARMLESS
    last = words[-1]
    owner = words[-2] if len(words) > 1 else ""
    if name in {"PWD", "OLDPWD"}:  # the shell's working directory
        return NameKind.HARMLESS
    if last.endswith(_STRONG_ENDINGS) or last in _STRONG_WORDS:
        return NameKind.STRONG
    if last in {"key", "keys"}:
        if owner in _KEY_OWNERS:
            return NameKind.STRONG
        shouted = name.isupper() and owner and owner not in _HARMLESS_OWNERS
        return NameKind.WEAK if shouted else NameKind.HARMLESS
    if last in {"token", "tokens"} and owner in _TOKEN_OWNERS:
        # "user_tokens" and "session_tokens" are counts; one token is a credential.
        return NameKind.STRONG if last == "token" else NameKind.WEAK
    if last in _WEAK_WORDS and owner not in _HARMLESS_OWNERS:
        return NameKind.WEAK
    return NameKind.HARMLESS


def name_kind(name: str) -> NameKind:
    """Return whether the value under a name is a secret.

    Parameters
    ----------
    name : str
        A key, keyword, variable, attribute or header name.

    Returns
    -------
    NameKind
        ``STRONG`` when the value is redacted whatever it is, ``WEAK`` when only if it looks like a
        credential, else ``HARMLESS``.

    Examples
    --------
    >>> [name_kind(name).name for name in ("OPENAI_API_KEY", "token", "max_tokens")]
    ['STRONG', 'WEAK', 'HARMLESS']
    """
    kind = _kinds.get(name)
    if kind is None:
        if len(name) > MAX_NAME_CHARACTERS:
            return _classify(name[-MAX_NAME_CHARACTERS:])
        kind = _classify(name)
        if len(_kinds) >= MAX_CACHED_NAMES:
            _kinds.clear()
        _kinds[name] = kind
    return kind


def looks_like_credential(text: str) -> bool:
    """Return whether a text is one long printable word with letters and digits.

    Parameters
    ----------
    text : str
        The value found under a weak name.

    Examples
    --------
    >>> looks_like_credential("hello"), looks_like_credential("a8f5f167f44f4964e6c998de")
    (False, True)
    """
    return len(text) >= MIN_CREDENTIAL_CHARACTERS and _CREDENTIAL.match(text) is not None
