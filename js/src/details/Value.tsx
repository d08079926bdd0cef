/** A value of any kind: JSON as a tree, a text as Markdown or as it is. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { pretty } from "../page/json";
import { Attached } from "./Attached";
import { CopyButton } from "./CopyButton";
import { JsonTree } from "./JsonTree";
import { type JsonNode, rootOf, stringOf } from "./jsonIndex";
import { Markdown } from "./Markdown";
import { type Mode, Modes, useMode } from "./Modes";
import { More } from "./More";
import { isAudio, isImage, referenceOf } from "./media";
import { type Loading, useLongText } from "./panel";
import { Section } from "./Section";
import { TextBlock } from "./TextBlock";
import type { LongText } from "./types";

/** More than this is not indented in one go; the tree shows it. */
const MAX_PRETTY_CHARACTERS = 500_000;

/** What a text turns out to be. */
export interface Reading {
  /** The text that people read: of a JSON string what it says. */
  text: string;
  /** The JSON value, null where the text is none. */
  root: JsonNode | null;
  /** The text that `root` points into. */
  source: string;
  modes: readonly Mode[];
}

const TEXT_MODES: readonly Mode[] = ["markdown", "text"];
const CODE_MODES: readonly Mode[] = ["text"];
const JSON_MODES: readonly Mode[] = ["json", "text"];

/** Find out what a text is: `json` says that it is the JSON text of a value. */
export function read(text: string, json: boolean, complete: boolean, code = false): Reading {
  let shown = text;
  let root = json || /^\s*[[{]/.test(text) ? rootOf(text, json && !complete) : null;
  if (json && root?.kind === "string") {
    shown = stringOf(text, root);
    root = /^\s*[[{]/.test(shown) ? rootOf(shown) : null;
  }
  if (root && (root.kind === "object" || root.kind === "array")) {
    return { text: shown, root, source: shown, modes: JSON_MODES };
  }
  const modes = code || root !== null ? CODE_MODES : TEXT_MODES;
  return { text: shown, root: null, source: shown, modes };
}

export interface ShownProps {
  reading: Reading;
  mode: Mode;
  label: string;
  code?: boolean;
  folded?: boolean;
  lines?: number;
  from?: string;
  budget?: number;
}

/** A text in one way of reading it. */
export function Shown(props: ShownProps): JSX.Element {
  const { reading, mode, label, code, folded, lines, from, budget } = props;
  const cut = { folded: folded ?? false, ...(lines === undefined ? {} : { lines }) };
  const { root, source, text } = reading;
  const reference = referenceOf(text);
  if (reference) {
    return <Attached key={text} to={reference} />;
  }
  if (isImage(text)) {
    return <img class="nbt-image" src={text} alt={`Content of ${label}`} />;
  }
  if (isAudio(text)) {
    // biome-ignore lint/a11y/useMediaCaption: nobody recorded captions
    return <audio controls src={text} />;
  }
  if (root !== null && mode !== "text") {
    return (
      <JsonTree
        text={source}
        root={root}
        label={label}
        {...(from === undefined ? {} : { from })}
        {...(budget === undefined ? {} : { budget })}
      />
    );
  }
  if (root !== null) {
    const shown = source.length > MAX_PRETTY_CHARACTERS ? source : pretty(source);
    return <TextBlock text={shown} code {...cut} />;
  }
  return mode === "markdown" && !code ? (
    <Markdown text={text} />
  ) : (
    <TextBlock text={text} code={code ?? false} {...cut} />
  );
}

/** The whole text as it is copied. */
export function whole(loading: Loading, json: boolean, code = false): Promise<string> {
  return loading.all().then((text) => read(text, json, true, code).text);
}

export interface ValueSectionProps {
  kind: string;
  title: string;
  value: LongText | null;
  closed?: boolean;
  code?: boolean;
  from?: string;
}

/** Inputs or outputs. */
export function ValueSection(props: ValueSectionProps): JSX.Element | null {
  return props.value === null ? null : <Filled {...props} value={props.value} />;
}

function Filled(props: ValueSectionProps & { value: LongText }): JSX.Element {
  const { kind, title, value, closed, code = false, from } = props;
  const loading = useLongText(value);
  const reading = useMemo(
    () => read(loading.text, true, loading.complete, code),
    [loading.text, loading.complete, code],
  );
  const [mode, choose] = useMode(reading.root ? "object" : "string", reading.modes);
  return (
    <Section
      kind={kind}
      title={title}
      closed={closed ?? false}
      tools={
        <>
          <Modes modes={reading.modes} mode={mode} onChoose={choose} label={title} />
          <CopyButton what={title.toLowerCase()} text={() => whole(loading, true, code)} />
        </>
      }
    >
      <Shown
        reading={reading}
        mode={mode}
        label={title}
        code={code}
        {...(from === undefined ? {} : { from })}
      />
      <More loading={loading} />
    </Section>
  );
}
