/** The conversation with a model, and what is new in it since the call before. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { count, counted } from "../page/format";
import { type Compared, compareMessages, type Pairs, pair } from "./conversation";
import { Fold } from "./Fold";
import { Message } from "./Message";
import { type Mode, Modes, useMode } from "./Modes";
import { usePanel } from "./panel";
import { Section } from "./Section";
import type { ChatMessage, Details, PreviousMessages } from "./types";

const MODES: readonly Mode[] = ["markdown", "text", "json"];

type Before =
  | { state: "off" | "loading" | "busy" | "none" }
  | { state: "there"; call: PreviousMessages }
  | { state: "failed"; message: string };

export function Chat({ details }: { details: Details }): JSX.Element {
  const panel = usePanel();
  const [mode, choose] = useMode("chat", MODES);
  const [before, setBefore] = useState<Before>({ state: "off" });
  const { messages } = details;
  const compare = (): void => {
    if (before.state !== "off") {
      setBefore({ state: "off" });
      return;
    }
    setBefore({ state: "loading" });
    panel.requests
      .ask("previous_messages", { span_id: details.span_id }, () =>
        setBefore((old) => (old.state === "loading" ? { state: "busy" } : old)),
      )
      .then(
        (call) => {
          setBefore(call ? { state: "there", call } : { state: "none" });
          panel.say(call ? `Compared with ${call.name}` : "There is no call of a model before");
        },
        (error: Error) => setBefore({ state: "failed", message: error.message }),
      );
  };
  return (
    <Section
      kind="messages"
      title="Messages"
      note={count(messages.length)}
      tools={
        <>
          <button
            type="button"
            class="nbt-button nbt-toggle"
            aria-pressed={before.state !== "off"}
            title="What was added to the prompt since the call of a model before this one"
            onClick={compare}
          >
            What is new
          </button>
          <Modes modes={MODES} mode={mode} onChoose={choose} label="messages" />
        </>
      }
    >
      {details.earlier_messages > 0 && (
        <p class="nbt-note">
          {count(details.earlier_messages)} earlier messages are in the inputs.
        </p>
      )}
      <Note before={before} />
      {before.state === "there" ? (
        <Comparison call={before.call} messages={messages} mode={mode} />
      ) : (
        <Conversation messages={messages} mode={mode} />
      )}
    </Section>
  );
}

function Note({ before }: { before: Before }): JSX.Element | null {
  const words = {
    off: "",
    loading: "Loading the call before…",
    busy: "The kernel is busy: the comparison comes when it is free.",
    none: "No call of a model came before this one in the trace.",
    there: "",
    failed: "",
  }[before.state];
  return words === "" && before.state !== "failed" ? null : (
    <p class="nbt-note" role="status">
      {before.state === "failed" ? before.message : words}
    </p>
  );
}

function Conversation(props: { messages: ChatMessage[]; mode: Mode }): JSX.Element {
  const { messages, mode } = props;
  const pairs = useMemo(() => pair(messages), [messages]);
  const shown = mode === "json" ? messages : messages.filter((one) => !pairs.absorbed.has(one));
  const firstAnswer = shown.findIndex((message) => message.answer);
  return (
    <div class="nbt-chat">
      {shown.map((message, index) => (
        <>
          {index === firstAnswer && index > 0 && <AnswerLine key="answer" />}
          <Message key={index} message={message} pairs={pairs} mode={mode} />
        </>
      ))}
    </div>
  );
}

function AnswerLine(): JSX.Element {
  return <div class="nbt-answer">answer</div>;
}

/** Each message stands for itself when it is told whether it is new. */
const UNPAIRED: Pairs = { results: new Map(), absorbed: new Set() };

interface ComparisonProps {
  call: PreviousMessages;
  messages: ChatMessage[];
  mode: Mode;
}

function Comparison({ call, messages, mode }: ComparisonProps): JSX.Element {
  const compared = useMemo(() => compareMessages(call.messages, messages), [call, messages]);
  const groups = useMemo(() => grouped(compared), [compared]);
  const added = compared.filter((one) => one.change === "added").length;
  const removed = compared.filter((one) => one.change === "removed").length;
  return (
    <div class="nbt-chat">
      <p class="nbt-note">
        Compared with <strong>{call.name}</strong>: {count(added)} added
        {removed > 0 && `, ${count(removed)} removed`}
      </p>
      {groups.map((group, index) =>
        group[0]?.change === "kept" ? (
          <Fold key={index} summary={`${counted(group.length, "message")} as before`}>
            {() =>
              group.map((one, place) => (
                <Message key={place} message={one.message} pairs={UNPAIRED} mode={mode} />
              ))
            }
          </Fold>
        ) : (
          group.map((one, place) => (
            <Message
              key={`${index}-${place}`}
              message={one.message}
              pairs={UNPAIRED}
              mode={mode}
              change={one.change}
            />
          ))
        ),
      )}
      <AnswerLine />
      {messages
        .filter((message) => message.answer)
        .map((message, index) => (
          <Message key={`answer-${index}`} message={message} pairs={UNPAIRED} mode={mode} />
        ))}
    </div>
  );
}

/** Runs of messages that were there before, and each of the others. */
function grouped(compared: Compared[]): Compared[][] {
  const groups: Compared[][] = [];
  for (const one of compared) {
    const last = groups.at(-1);
    if (one.change === "kept" && last?.[0]?.change === "kept") {
      last.push(one);
    } else {
      groups.push([one]);
    }
  }
  return groups;
}
