/** Why a span failed: the exception, the user's frames first, the exceptions that led to it. */
import type { ComponentChildren, JSX } from "preact";
import { counted } from "../page/format";
import { CopyButton } from "./CopyButton";
import { Fold } from "./Fold";
import { More } from "./More";
import { useLongText } from "./panel";
import { Section } from "./Section";
import { type FrameGroup, groupFrames } from "./stack";
import { TextBlock } from "./TextBlock";
import type { Details, ErrorDetails, FrameDetails, LongText, RaisedDetails } from "./types";

const RELATIONS: Record<RaisedDetails["relation"], string> = {
  "": "",
  cause: "caused by",
  context: "raised while handling",
};

export function Errors({ details }: { details: Details }): JSX.Element | null {
  const { errors, message, status } = details;
  if (errors.length === 0 && message.text === "") {
    return null;
  }
  return (
    <Section kind="error" title={status === "ERROR" ? "Error" : "Status"}>
      {errors.length === 0 && <Message value={message} />}
      {errors.map((error, index) => (
        <Exception key={index} error={error} />
      ))}
    </Section>
  );
}

function Message({ value, type }: { value: LongText; type?: string }): JSX.Element {
  const loading = useLongText(value);
  return (
    <div class="nbt-error">
      {type && <strong>{type}</strong>}
      {type && loading.text && ": "}
      <TextBlock text={loading.text} folded />
      <More loading={loading} />
    </div>
  );
}

function Exception({ error }: { error: ErrorDetails }): JSX.Element {
  const { chain, stack } = error;
  const anyOwn = chain.some((raised) => raised.frames.some((frame) => frame.own));
  return (
    <div class="nbt-exception">
      <Message value={error.message} type={error.type} />
      {chain.map((raised, index) => (
        <Raised key={index} raised={raised} first={index === 0} anyOwn={anyOwn} />
      ))}
      {stack && <Stack value={stack} open={chain.length === 0} />}
    </div>
  );
}

interface RaisedProps {
  raised: RaisedDetails;
  first: boolean;
  anyOwn: boolean;
}

function Raised({ raised, first, anyOwn }: RaisedProps): JSX.Element {
  return (
    <div class={first ? "nbt-raised" : "nbt-raised nbt-led"}>
      {!first && (
        <p>
          <span class="nbt-quiet">{RELATIONS[raised.relation] || "led to by"} </span>
          <strong>{raised.type}</strong>
          {raised.message && `: ${raised.message}`}
        </p>
      )}
      {groupFrames(raised.frames, anyOwn).map((group, index) => (
        <Frames key={index} group={group} />
      ))}
    </div>
  );
}

function Frames({ group }: { group: FrameGroup }): ComponentChildren {
  return group.own ? (
    group.frames.map((frame, index) => <Frame key={index} frame={frame} />)
  ) : (
    <Fold
      summary={
        <span class="nbt-quiet">
          {counted(group.frames.length, "frame")} of {group.where}
        </span>
      }
    >
      {() => group.frames.map((frame, index) => <Frame key={index} frame={frame} />)}
    </Fold>
  );
}

function Frame({ frame }: { frame: FrameDetails }): JSX.Element {
  const place = `${frame.file}:${frame.line}`;
  return (
    <div class={frame.own ? "nbt-frame nbt-frame-own" : "nbt-frame"}>
      <div class="nbt-frame-head">
        <span class="nbt-frame-place">{place}</span>
        {frame.function && <span class="nbt-quiet"> in {frame.function}</span>}
        <CopyButton what="the place" text={() => place} />
      </div>
      {frame.code && <div class="nbt-frame-code">{frame.code}</div>}
    </div>
  );
}

function Stack({ value, open }: { value: LongText; open: boolean }): JSX.Element {
  const loading = useLongText(value);
  return (
    <Fold
      open={open}
      summary={
        <span class="nbt-quiet">{open ? "stack trace" : "stack trace as it was recorded"}</span>
      }
    >
      {() => (
        <>
          <TextBlock text={loading.text} code />
          <More loading={loading} />
          <CopyButton what="the stack trace" text={() => loading.all()} />
        </>
      )}
    </Fold>
  );
}
