"""Reserved names: keys of span attributes, of trace metadata and of trace tags.

The names are MLflow's, so that a trace sent to an MLflow server shows there as it does here; what
MLflow has no word for begins with ``nbtrace.``. The classes hold constants only.
"""

from __future__ import annotations

from typing import Final, TypeAlias

AttributeValue: TypeAlias = (
    "str | bool | int | float | bytes | list[AttributeValue] | dict[str, AttributeValue] | None"
)

TRACE_ID_PREFIX: Final = "tr-"
TRACE_SCHEMA_VERSION: Final = "3"
# What MLflow hands out as the id of a trace that is not recorded.
NO_OP_SPAN_TRACE_ID: Final = "MLFLOW_NO_OP_SPAN_TRACE_ID"


class SpanAttributeKey:
    """Keys of span attributes.

    Examples
    --------
    >>> SpanAttributeKey.INPUTS
    'mlflow.spanInputs'
    """

    EXPERIMENT_ID: Final = "mlflow.experimentId"
    REQUEST_ID: Final = "mlflow.traceRequestId"
    INPUTS: Final = "mlflow.spanInputs"
    OUTPUTS: Final = "mlflow.spanOutputs"
    SPAN_TYPE: Final = "mlflow.spanType"
    LOG_LEVEL: Final = "mlflow.spanLogLevel"
    FUNCTION_NAME: Final = "mlflow.spanFunctionName"
    DESCRIPTION: Final = "mlflow.spanDescription"
    CHAT_TOOLS: Final = "mlflow.chat.tools"
    CHAT_USAGE: Final = "mlflow.chat.tokenUsage"
    LLM_COST: Final = "mlflow.llm.cost"
    MODEL: Final = "mlflow.llm.model"
    MODEL_PROVIDER: Final = "mlflow.llm.provider"
    MESSAGE_FORMAT: Final = "mlflow.message.format"
    LINKED_PROMPTS: Final = "mlflow.linkedPrompts"
    INTERMEDIATE_OUTPUTS: Final = "mlflow.trace.intermediate_outputs"
    TRACE_TAG_PREFIX: Final = "mlflow.traceTag."
    # OpenTelemetry's own names: plain text, not JSON.
    USER_ID: Final = "user.id"
    SESSION_ID: Final = "session.id"


# The attributes whose stored value is JSON text. MLflow stores every attribute so; nbtrace only
# these, since all others are typed OTLP values.
JSON_ATTRIBUTE_KEYS: Final[frozenset[str]] = frozenset(
    {
        SpanAttributeKey.EXPERIMENT_ID,
        SpanAttributeKey.REQUEST_ID,
        SpanAttributeKey.INPUTS,
        SpanAttributeKey.OUTPUTS,
        SpanAttributeKey.SPAN_TYPE,
        SpanAttributeKey.LOG_LEVEL,
        SpanAttributeKey.FUNCTION_NAME,
        SpanAttributeKey.DESCRIPTION,
        SpanAttributeKey.CHAT_TOOLS,
        SpanAttributeKey.CHAT_USAGE,
        SpanAttributeKey.LLM_COST,
        SpanAttributeKey.MODEL,
        SpanAttributeKey.MODEL_PROVIDER,
        SpanAttributeKey.MESSAGE_FORMAT,
        SpanAttributeKey.LINKED_PROMPTS,
        SpanAttributeKey.INTERMEDIATE_OUTPUTS,
    }
)


class TokenUsageKey:
    """Keys of the ``mlflow.chat.tokenUsage`` object; every value is a count of tokens."""

    INPUT_TOKENS: Final = "input_tokens"
    OUTPUT_TOKENS: Final = "output_tokens"
    TOTAL_TOKENS: Final = "total_tokens"
    CACHE_READ_INPUT_TOKENS: Final = "cache_read_input_tokens"
    CACHE_CREATION_INPUT_TOKENS: Final = "cache_creation_input_tokens"


class CostKey:
    """Keys of the ``mlflow.llm.cost`` object; every value is in US dollars."""

    INPUT_COST: Final = "input_cost"
    OUTPUT_COST: Final = "output_cost"
    TOTAL_COST: Final = "total_cost"


class TraceMetadataKey:
    """Keys of trace metadata, fixed when the trace ends (but for the standard tags)."""

    INPUTS: Final = "mlflow.traceInputs"
    OUTPUTS: Final = "mlflow.traceOutputs"
    SOURCE_RUN: Final = "mlflow.sourceRun"
    MODEL_ID: Final = "mlflow.modelId"
    TRACE_SESSION: Final = "mlflow.trace.session"
    TRACE_USER: Final = "mlflow.trace.user"
    TOKEN_USAGE: Final = "mlflow.trace.tokenUsage"  # noqa: S105 - not a secret
    COST: Final = "mlflow.trace.cost"
    SIZE_STATS: Final = "mlflow.trace.sizeStats"
    SIZE_BYTES: Final = "mlflow.trace.sizeBytes"
    SCHEMA_VERSION: Final = "mlflow.trace_schema.version"
    USER: Final = "mlflow.user"
    SOURCE_NAME: Final = "mlflow.source.name"
    SOURCE_TYPE: Final = "mlflow.source.type"
    SOURCE_GIT_COMMIT: Final = "mlflow.source.git.commit"
    SOURCE_GIT_BRANCH: Final = "mlflow.source.git.branch"
    SOURCE_GIT_REPO_URL: Final = "mlflow.source.git.repoURL"


class TraceTagKey:
    """Keys of trace tags, which may change at any time."""

    TRACE_NAME: Final = "mlflow.traceName"
    ARTIFACT_LOCATION: Final = "mlflow.artifactLocation"
    SPANS_LOCATION: Final = "mlflow.trace.spansLocation"
    ARCHIVE_LOCATION: Final = "mlflow.trace.archiveLocation"
    ARCHIVAL_FAILURE: Final = "mlflow.trace.archivalFailure"
    EVAL_REQUEST_ID: Final = "mlflow.eval.requestId"
    SOURCE_SCORER: Final = "mlflow.trace.sourceScorer"
    LINKED_PROMPTS: Final = "mlflow.linkedPrompts"
    # The standard tags: MLflow keeps them in the metadata, nbtrace answers to both.
    SESSION: Final = TraceMetadataKey.TRACE_SESSION
    USER: Final = TraceMetadataKey.TRACE_USER
    SOURCE_NAME: Final = TraceMetadataKey.SOURCE_NAME
    SOURCE_TYPE: Final = TraceMetadataKey.SOURCE_TYPE
    SOURCE_GIT_COMMIT: Final = TraceMetadataKey.SOURCE_GIT_COMMIT


# Stored as tags whichever way they were written, and shown in the metadata too.
STANDARD_TAG_KEYS: Final[frozenset[str]] = frozenset(
    {
        TraceTagKey.SESSION,
        TraceTagKey.USER,
        TraceTagKey.SOURCE_NAME,
        TraceTagKey.SOURCE_TYPE,
        TraceTagKey.SOURCE_GIT_COMMIT,
    }
)

# Setting one of these warns and is ignored, as in MLflow.
IMMUTABLE_TAG_KEYS: Final[frozenset[str]] = frozenset(
    {
        TraceMetadataKey.USER,
        TraceTagKey.ARTIFACT_LOCATION,
        TraceTagKey.SPANS_LOCATION,
        TraceTagKey.ARCHIVE_LOCATION,
        TraceTagKey.ARCHIVAL_FAILURE,
    }
)


class NbtraceKey:
    """nbtrace's own keys, on root spans (``CELL_*``, ``NOTEBOOK``, ``KERNEL``) and on traces.

    Examples
    --------
    >>> NbtraceKey.CELL_ID
    'nbtrace.cell.id'
    """

    CELL_ID: Final = "nbtrace.cell.id"
    CELL_EXECUTION_COUNT: Final = "nbtrace.cell.execution_count"
    CELL_SOURCE: Final = "nbtrace.cell.source"
    NOTEBOOK: Final = "nbtrace.notebook"
    KERNEL: Final = "nbtrace.kernel"
    # The process that recorded the trace died; another one wrote it down.
    RECOVERED: Final = "nbtrace.recovered"
    # The span never ended by itself: an abandoned generator, a process that died.
    INCOMPLETE: Final = "nbtrace.incomplete"
    INTERRUPTED: Final = "nbtrace.interrupted"


class SpanEventKey:
    """Names and attribute keys of span events."""

    EXCEPTION: Final = "exception"
    EXCEPTION_TYPE: Final = "exception.type"
    EXCEPTION_MESSAGE: Final = "exception.message"
    EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
    CHUNK_NAME_FORMAT: Final = "mlflow.chunk.item.{index}"
    CHUNK_VALUE: Final = "mlflow.chunk.value"
