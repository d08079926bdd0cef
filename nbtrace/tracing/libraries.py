"""The libraries that people call models with, and the packages that instrument each.

It is a table and nothing else: reading it imports no library and no instrumentor. A library's name
is MLflow's where MLflow has one, so that ``nbtrace.openai.autolog()`` is found where
``mlflow.openai.autolog()`` was.
"""

from __future__ import annotations

from typing import NamedTuple

OPENINFERENCE = "openinference-instrumentation-"
OPENTELEMETRY = "opentelemetry-instrumentation-"
# OpenTelemetry's own instrumentors of models; other names after OPENTELEMETRY are Traceloop's, or
# instrument HTTP clients, databases and web servers.
GENAI = "opentelemetry-instrumentation-genai-"

FAMILIES = ("openinference", "genai", "traceloop", "other")


class Library(NamedTuple):
    """One library and who instruments it.

    Attributes
    ----------
    name : str
        What it is called here, MLflow's name where MLflow has it.
    module : str
        What one imports.
    packages : dict of str to str
        The instrumentor of each family, in the order of preference.
    note : str
        What else to know, for a library that makes its spans itself.

    Examples
    --------
    >>> by_name("openai").packages["openinference"]
    'openinference-instrumentation-openai'
    """

    name: str
    module: str
    packages: dict[str, str]
    note: str = ""


# Name, module, and what follows the prefixes of OpenInference, the official ones and Traceloop.
_TABLE = """
    openai          openai               openai            openai         openai
    anthropic       anthropic            anthropic         anthropic      anthropic
    langchain       langchain_core       langchain         langchain      langchain
    llama_index     llama_index.core     llama-index       llama-index    llamaindex
    litellm         litellm              litellm           -              litellm
    gemini          google.genai         google-genai      -              -
    bedrock         boto3                bedrock           bedrock        bedrock
    mistral         mistralai            mistralai         -              mistralai
    groq            groq                 groq              -              groq
    cohere          cohere               cohere            -              cohere
    ollama          ollama               ollama            -              ollama
    together        together             together          -              together
    vertexai        vertexai             vertexai          -              vertexai
    portkey         portkey_ai           portkey           portkey        -
    openai_agents   agents               openai-agents     openai-agents  openai-agents
    dspy            dspy                 dspy              dspy           -
    crewai          crewai               crewai            -              crewai
    autogen         autogen_agentchat    autogen-agentchat -              -
    ag2             autogen              ag2               -              -
    agno            agno                 agno              agno           agno
    smolagents      smolagents           smolagents        smolagents     -
    haystack        haystack             haystack          -              haystack
    guardrails      guardrails           guardrails        -              -
    instructor      instructor           instructor        -              -
    mcp             mcp                  mcp               -              mcp
    google_adk      google.adk           google-adk        -              -
    beeai           beeai_framework      beeai             -              -
    claude_agent    claude_agent_sdk     claude-agent-sdk  -              -
    pipecat         pipecat              pipecat           -              -
    qwen_agent      qwen_agent           -                 qwen-agent     -
    replicate       replicate            -                 -              replicate
    transformers    transformers         -                 -              transformers
    voyageai        voyageai             -                 -              voyageai
    watsonx         ibm_watsonx_ai       -                 -              watsonx
    writer          writerai             -                 -              writer
    alephalpha      aleph_alpha_client   -                 -              alephalpha
    chromadb        chromadb             -                 -              chromadb
    lancedb         lancedb              -                 -              lancedb
    marqo           marqo                -                 -              marqo
    milvus          pymilvus             -                 -              milvus
    pinecone        pinecone             -                 -              pinecone
    qdrant          qdrant_client        -                 -              qdrant
    weaviate        weaviate             -                 -              weaviate
"""
_PREFIXES = {"openinference": OPENINFERENCE, "genai": GENAI, "traceloop": OPENTELEMETRY}
# Packages whose names do not follow from the table.
_FURTHER = {
    "gemini": {
        "genai": "opentelemetry-instrumentation-google-genai",
        "traceloop": "opentelemetry-instrumentation-google-generativeai",
    },
    "ag2": {"other": "openinference-instrumentation-autogen"},
}
_BY_THEMSELVES = (
    ("pydantic_ai", "pydantic_ai", "makes its spans itself"),
    ("strands", "strands", "makes its spans itself"),
    ("agent_framework", "agent_framework", "makes its spans itself"),
    ("semantic_kernel", "semantic_kernel", "makes its spans itself"),
)
# What else people call them.
ALIASES = {
    "google_genai": "gemini",
    "google.genai": "gemini",
    "mistralai": "mistral",
    "langgraph": "langchain",
    "langchain_core": "langchain",
    "llamaindex": "llama_index",
    "agents": "openai_agents",
    "pydanticai": "pydantic_ai",
    "boto3": "bedrock",
}


def _read() -> tuple[Library, ...]:
    found = []
    for line in _TABLE.strip().splitlines():
        name, module, *suffixes = line.split()
        packages = {
            family: prefix + suffix
            for (family, prefix), suffix in zip(_PREFIXES.items(), suffixes, strict=True)
            if suffix != "-"
        }
        found.append(Library(name, module, packages | _FURTHER.get(name, {})))
    found += [Library(name, module, {}, note) for name, module, note in _BY_THEMSELVES]
    return tuple(found)


LIBRARIES = _read()
_BY_NAME = {library.name: library for library in LIBRARIES}
_BY_PACKAGE = {
    package: (library, family)
    for library in LIBRARIES
    for family, package in library.packages.items()
}


def by_name(name: str) -> Library | None:
    """Return a library by its name, an alias or the name of its module; None for no other.

    Examples
    --------
    >>> by_name("Llama-Index").module
    'llama_index.core'
    """
    text = name.strip().lower().replace("-", "_")
    return _BY_NAME.get(ALIASES.get(text, text))


def by_package(package: str) -> tuple[Library, str] | None:
    """Return what a package instruments, and its family.

    Examples
    --------
    >>> by_package("opentelemetry-instrumentation-openai")[1]
    'traceloop'
    """
    return _BY_PACKAGE.get(package.lower().replace("_", "-"))
