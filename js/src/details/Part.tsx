/** One part of a message: text, reasoning, a call with its result, an image, a sound, a file. */
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { size } from "../page/format";
import { Attached } from "./Attached";
import { CopyButton } from "./CopyButton";
import { Fold } from "./Fold";
import type { Mode } from "./Modes";
import { More } from "./More";
import { isAudio, isImage, isLink, referenceOf } from "./media";
import { useLongText } from "./panel";
import type { ChatPart, LongText } from "./types";
import { read, Shown, whole } from "./Value";

/** Media up to this size is loaded without being asked for. */
const LOADED_CHARACTERS = 8_000_000;

export interface PartProps {
  part: ChatPart;
  result: ChatPart | null;
  mode: Mode;
}

export function Part({ part, result, mode }: PartProps): JSX.Element | null {
  if (part.kind === "tool_call") {
    return <Call part={part} result={result} mode={mode} />;
  }
  if (part.kind === "tool_result") {
    return <Result part={part} mode={mode} />;
  }
  if (part.kind === "reasoning" && part.text) {
    const { text } = part;
    return (
      <div class="nbt-reasoning">
        <Fold
          summary={
            <>
              Reasoning <span class="nbt-quiet">{size(text.size)}</span>
            </>
          }
        >
          {() => <Text value={text} json={false} mode={mode} label="reasoning" />}
        </Fold>
      </div>
    );
  }
  return (
    <>
      {part.kind === "refusal" && <p class="nbt-tag nbt-tag-warn">refusal</p>}
      {part.uri && <Media part={part} uri={part.uri} />}
      {part.text && <Text value={part.text} json={part.json} mode={mode} label={part.kind} />}
      {!part.uri && !part.text && part.kind !== "text" && (
        <p class="nbt-quiet">
          {part.kind}
          {part.name && ` ${part.name}`}: nothing was recorded
        </p>
      )}
    </>
  );
}

function Text(props: { value: LongText; json: boolean; mode: Mode; label: string }): JSX.Element {
  const { value, json, mode, label } = props;
  const loading = useLongText(value);
  const reading = useMemo(
    () => read(loading.text, json, loading.complete),
    [loading.text, json, loading.complete],
  );
  return (
    <>
      <Shown
        reading={reading}
        mode={reading.root && mode === "markdown" ? "json" : mode}
        label={label}
        folded={mode === "text"}
        budget={14}
      />
      <More loading={loading} />
    </>
  );
}

function Call({ part, result, mode }: PartProps): JSX.Element {
  return (
    <div class="nbt-call">
      <div class="nbt-call-head">
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M13.2 5.2a3.4 3.4 0 0 1-4.6 3.9l-4 4a1.2 1.2 0 0 1-1.7-1.7l4-4a3.4 3.4 0 0 1 3.9-4.6L8.8 4.8l.4 2 2 .4z" />
        </svg>
        <span class="nbt-quiet">calls</span>
        <strong>{part.name ?? "a tool"}</strong>
        {part.id && (
          <span class="nbt-quiet nbt-id" title="The id that pairs the call with its result">
            {part.id}
          </span>
        )}
        {part.text && <CopyPart value={part.text} json={part.json} what="the arguments" />}
      </div>
      {part.text ? (
        <Text value={part.text} json={part.json} mode={mode} label="arguments" />
      ) : (
        <p class="nbt-quiet">no arguments</p>
      )}
      {result && (
        <div class="nbt-returned">
          <div class="nbt-call-head">
            <span class="nbt-quiet">returned</span>
            {result.text && <CopyPart value={result.text} json={result.json} what="the result" />}
          </div>
          <ResultText part={result} mode={mode} />
        </div>
      )}
    </div>
  );
}

function Result({ part, mode }: { part: ChatPart; mode: Mode }): JSX.Element {
  return (
    <div class="nbt-call">
      <div class="nbt-call-head">
        <span class="nbt-quiet">result of</span>
        <strong>{part.name ?? "a tool"}</strong>
        {part.id && <span class="nbt-quiet nbt-id">{part.id}</span>}
        {part.text && <CopyPart value={part.text} json={part.json} what="the result" />}
      </div>
      <ResultText part={part} mode={mode} />
    </div>
  );
}

function ResultText({ part, mode }: { part: ChatPart; mode: Mode }): JSX.Element {
  return part.text ? (
    <Text value={part.text} json={part.json} mode={mode} label="result" />
  ) : (
    <p class="nbt-quiet">nothing</p>
  );
}

function CopyPart(props: { value: LongText; json: boolean; what: string }): JSX.Element {
  const loading = useLongText(props.value);
  return <CopyButton what={props.what} text={() => whole(loading, props.json)} />;
}

function Media({ part, uri }: { part: ChatPart; uri: LongText }): JSX.Element {
  const loading = useLongText(uri);
  const inline = uri.text.startsWith("data:");
  const wanted = inline && !loading.complete && uri.size <= LOADED_CHARACTERS;
  useEffect(() => {
    if (wanted) {
      loading.all().catch(() => {});
    }
  }, [uri]);
  const name = part.name ?? part.mime_type ?? part.kind;
  const reference = referenceOf(uri.text);
  if (reference) {
    return (
      <Attached key={uri.text} to={reference} alt={part.name ?? `${part.kind} of the message`} />
    );
  }
  if (inline) {
    if (!loading.complete) {
      return (
        <div class="nbt-media">
          {name} · {size(uri.size)}
          <More loading={loading} />
        </div>
      );
    }
    if (isImage(loading.text)) {
      return <img class="nbt-image" src={loading.text} alt={part.name ?? "Image of the message"} />;
    }
    if (isAudio(loading.text)) {
      // biome-ignore lint/a11y/useMediaCaption: nobody recorded captions
      return <audio controls src={loading.text} aria-label={name} />;
    }
    return (
      <div class="nbt-media">
        {part.kind}: {name} · {size(uri.size)}
        <CopyButton what="the data" text={() => loading.all()} />
      </div>
    );
  }
  return (
    <div class="nbt-media">
      <span class="nbt-quiet">{part.kind}</span>
      <code>{loading.text.slice(0, 2_000)}</code>
      {isLink(loading.text) && (
        <a
          class="nbt-button"
          href={loading.text}
          target="_blank"
          rel="noopener noreferrer nofollow"
        >
          Open in a new tab
        </a>
      )}
      <CopyButton what="the address" text={() => loading.all()} />
    </div>
  );
}
