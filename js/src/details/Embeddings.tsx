/** Embeddings in figures: how many vectors of which length, their norms and first values. */
import type { JSX } from "preact";
import { count } from "../page/format";
import { useLongText } from "./panel";
import { Section } from "./Section";
import { figure } from "./scores";
import type { EmbeddingDetails, LongText } from "./types";

export function Embeddings({ found }: { found: EmbeddingDetails | null }): JSX.Element | null {
  if (found === null) {
    return null;
  }
  const dimensions = found.dimensions === null ? "" : ` × ${count(found.dimensions)}`;
  const number = found.count === null ? "" : count(found.count);
  const noun = found.count === 1 ? "vector" : "vectors";
  const rows = Math.max(found.texts.length, found.vectors.length);
  return (
    <Section kind="embeddings" title="Embeddings" note={`${number} ${noun}${dimensions}`.trim()}>
      {rows === 0 ? (
        <p class="nbt-quiet">The vectors were not recorded.</p>
      ) : (
        <div class="nbt-embeddings">
          {Array.from({ length: rows }, (_, index) => (
            <div key={index} class="nbt-embedding">
              <span class="nbt-rank">{index + 1}</span>
              <div>
                {found.texts[index] && <Text value={found.texts[index]} />}
                {found.vectors[index] && <Vector vector={found.vectors[index]} />}
              </div>
            </div>
          ))}
        </div>
      )}
    </Section>
  );
}

function Text({ value }: { value: LongText }): JSX.Element {
  const { text, complete } = useLongText(value);
  return (
    <div class="nbt-plain">
      {text.slice(0, 400)}
      {(!complete || text.length > 400) && "…"}
    </div>
  );
}

function Vector({ vector }: { vector: EmbeddingDetails["vectors"][number] }): JSX.Element {
  const more = vector.dimensions > vector.first.length;
  return (
    <div class="nbt-vector">
      [{vector.first.join(", ")}
      {more && ", …"}]
      <span class="nbt-quiet">
        {" "}
        {count(vector.dimensions)} values
        {vector.norm !== null && `, norm ${figure(vector.norm)}`}
      </span>
    </div>
  );
}
