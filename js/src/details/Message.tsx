/** One message of a conversation. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { CopyButton } from "./CopyButton";
import { type Change, firstLine, messageJson, type Pairs } from "./conversation";
import { Fold } from "./Fold";
import { JsonTree } from "./JsonTree";
import { rootOf } from "./jsonIndex";
import type { Mode } from "./Modes";
import { Part } from "./Part";
import { TextBlock } from "./TextBlock";
import type { ChatMessage } from "./types";

const ROLES = new Set(["system", "user", "assistant", "tool"]);
/** Why a model stopped, where that is worth a second look. */
const TROUBLE = new Set(["length", "content_filter", "error"]);
const CHANGES: Record<Change, string> = {
  kept: "",
  answered: "its answer",
  added: "added",
  removed: "removed",
};

export interface MessageProps {
  message: ChatMessage;
  pairs: Pairs;
  mode: Mode;
  change?: Change;
}

export function Message({ message, pairs, mode, change }: MessageProps): JSX.Element {
  const role = ROLES.has(message.role) ? message.role : "other";
  const marked = change === undefined || change === "kept" ? "" : ` nbt-is-${change}`;
  const content = (): JSX.Element =>
    mode === "json" ? (
      <Json message={message} />
    ) : (
      <>
        {message.parts.map((part, index) => (
          <Part key={index} part={part} result={pairs.results.get(part) ?? null} mode={mode} />
        ))}
        {message.parts.length === 0 && <p class="nbt-quiet">no content</p>}
      </>
    );
  return (
    <article class={`nbt-message nbt-role-${role}${marked}`} aria-label={`${message.role} message`}>
      <div class="nbt-message-head">
        <span class="nbt-role">{message.role}</span>
        {message.name && <span class="nbt-quiet">{message.name}</span>}
        {change !== undefined && CHANGES[change] !== "" && (
          <span class="nbt-tag">{CHANGES[change]}</span>
        )}
        {message.finish_reason && (
          <span
            class={TROUBLE.has(message.finish_reason) ? "nbt-tag nbt-tag-warn" : "nbt-tag"}
            title="Why the model stopped"
          >
            {message.finish_reason.replaceAll("_", " ")}
          </span>
        )}
        <CopyButton what={`the ${message.role} message`} text={() => copied(message)} />
      </div>
      {message.role === "system" && message.parts.length > 0 ? (
        <Fold summary={<span class="nbt-first-line">{firstLine(message)}</span>}>{content}</Fold>
      ) : (
        content()
      )}
    </article>
  );
}

/** The message's texts; one that has others is copied as JSON. */
function copied(message: ChatMessage): string {
  const texts = message.parts.map((part) =>
    part.kind === "text" && !part.json ? part.text : null,
  );
  return texts.every((text) => text !== null)
    ? texts.map((text) => text?.text).join("\n")
    : messageJson(message);
}

function Json({ message }: { message: ChatMessage }): JSX.Element {
  const text = useMemo(() => messageJson(message), [message]);
  const root = useMemo(() => rootOf(text), [text]);
  return root ? (
    <JsonTree text={text} root={root} label={`${message.role} message`} budget={16} />
  ) : (
    <TextBlock text={text} code />
  );
}
