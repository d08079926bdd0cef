/** Retrieved documents by rank and score; of a reranker also the order it was given. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { count } from "../page/format";
import { CopyButton } from "./CopyButton";
import { Fold } from "./Fold";
import { JsonTree } from "./JsonTree";
import { rootOf } from "./jsonIndex";
import { type Mode, Modes, useMode } from "./Modes";
import { More } from "./More";
import { useLongText } from "./panel";
import { Section } from "./Section";
import { documentKey, figure, moves, scoreRange, share } from "./scores";
import { firstLines } from "./TextBlock";
import type { Details, DocumentDetails, LongText } from "./types";
import { read, Shown, whole } from "./Value";

const MODES: readonly Mode[] = ["text", "markdown"];
/** What is seen of a document until somebody asks for all of it. */
const PREVIEW_LINES = 5;

export function Documents({ details }: { details: Details }): JSX.Element | null {
  const { documents, documents_before: before } = details;
  const [mode, choose] = useMode("document", MODES);
  const places = useMemo(() => moves(before, documents), [before, documents]);
  if (documents.length + before.length === 0) {
    return null;
  }
  return (
    <>
      {documents.length > 0 && (
        <Section
          kind="documents"
          title={before.length > 0 ? "Documents after ranking" : "Documents"}
          note={count(documents.length)}
          tools={<Modes modes={MODES} mode={mode} onChoose={choose} label="documents" />}
        >
          <List documents={documents} mode={mode} places={places} />
        </Section>
      )}
      {before.length > 0 && (
        <Section
          kind="documents-before"
          title="Documents before ranking"
          note={count(before.length)}
          closed={documents.length > 0}
        >
          <List documents={before} mode={mode} places={new Map()} />
        </Section>
      )}
    </>
  );
}

interface ListProps {
  documents: DocumentDetails[];
  mode: Mode;
  /** The rank that a document had before, by its key. */
  places: Map<string, number>;
}

function List({ documents, mode, places }: ListProps): JSX.Element {
  const range = useMemo(() => scoreRange(documents), [documents]);
  return (
    <ol class="nbt-documents">
      {documents.map((document, index) => (
        <Document
          key={index}
          document={document}
          rank={index + 1}
          before={places.get(documentKey(document))}
          width={share(document.score, range)}
          mode={mode}
        />
      ))}
    </ol>
  );
}

interface DocumentProps {
  document: DocumentDetails;
  rank: number;
  before: number | undefined;
  width: number | null;
  mode: Mode;
}

function Document({ document, rank, before, width, mode }: DocumentProps): JSX.Element {
  const { content, metadata } = document;
  return (
    <li class="nbt-document">
      <div class="nbt-document-head">
        <span class="nbt-rank">{rank}</span>
        {before !== undefined && <Moved from={before} to={rank} />}
        <span class="nbt-id">{document.id ?? ""}</span>
        {document.score !== null && (
          <span class="nbt-score" title={`Score ${document.score}`}>
            {width !== null && (
              <span class="nbt-score-bar" aria-hidden="true">
                <span style={{ width: `${width * 100}%` }} />
              </span>
            )}
            {figure(document.score)}
          </span>
        )}
        {content && <CopyContent value={content} rank={rank} />}
      </div>
      {content ? (
        <Content value={content} mode={mode} rank={rank} />
      ) : (
        <p class="nbt-quiet">Its content was not recorded.</p>
      )}
      {metadata && (
        <Fold summary={<span class="nbt-quiet">metadata</span>}>
          {() => <Metadata value={metadata} rank={rank} />}
        </Fold>
      )}
    </li>
  );
}

function Moved({ from, to }: { from: number; to: number }): JSX.Element {
  const words = from === to ? "same place" : from > to ? `up from ${from}` : `down from ${from}`;
  return (
    <span class={`nbt-tag${from > to ? " nbt-tag-good" : ""}`}>
      {from === to ? "= " : from > to ? "↑ " : "↓ "}
      {words}
    </span>
  );
}

function Content(props: { value: LongText; mode: Mode; rank: number }): JSX.Element {
  const { value, mode, rank } = props;
  const loading = useLongText(value);
  const long = firstLines(loading.text, PREVIEW_LINES).length < loading.text.length;
  const reading = read(loading.text, false, loading.complete);
  const label = `document ${rank}`;
  return (
    <div class="nbt-document-body">
      {mode === "markdown" && long ? (
        <Fold summary={<span class="nbt-first-line">{loading.text.slice(0, 200)}</span>}>
          {() => <Shown reading={reading} mode={mode} label={label} />}
        </Fold>
      ) : (
        <Shown
          reading={reading}
          mode={mode}
          label={label}
          folded
          lines={PREVIEW_LINES}
          budget={6}
        />
      )}
      <More loading={loading} />
    </div>
  );
}

function CopyContent({ value, rank }: { value: LongText; rank: number }): JSX.Element {
  const loading = useLongText(value);
  return <CopyButton what={`document ${rank}`} text={() => whole(loading, false)} />;
}

function Metadata({ value, rank }: { value: LongText; rank: number }): JSX.Element {
  const loading = useLongText(value);
  const root = useMemo(() => rootOf(loading.text, !loading.complete), [loading.text]);
  return (
    <>
      {root ? (
        <JsonTree text={loading.text} root={root} label={`Metadata of document ${rank}`} />
      ) : (
        loading.text
      )}
      <More loading={loading} />
    </>
  );
}
