/** The tools that a model was offered, with the schemas of their parameters. */
import type { JSX } from "preact";
import { count } from "../page/format";
import { Fold } from "./Fold";
import { More } from "./More";
import { useLongText } from "./panel";
import { Section } from "./Section";
import type { LongText, ToolDetails } from "./types";
import { read, Shown } from "./Value";

export function Tools({ tools }: { tools: ToolDetails[] }): JSX.Element | null {
  return tools.length === 0 ? null : (
    <Section kind="tools" title="Tools offered" note={count(tools.length)} closed>
      {tools.map((tool, index) => (
        <Fold
          key={index}
          summary={
            <>
              <strong>{tool.name}</strong>{" "}
              <span class="nbt-quiet">{tool.description.slice(0, 200)}</span>
            </>
          }
        >
          {() => (
            <>
              {tool.description.length > 80 && <p>{tool.description}</p>}
              {tool.parameters ? (
                <Schema value={tool.parameters} name={tool.name} />
              ) : (
                <p class="nbt-quiet">Its parameters were not recorded.</p>
              )}
            </>
          )}
        </Fold>
      ))}
    </Section>
  );
}

function Schema({ value, name }: { value: LongText; name: string }): JSX.Element {
  const loading = useLongText(value);
  const reading = read(loading.text, true, loading.complete);
  return (
    <>
      <Shown reading={reading} mode="json" label={`Parameters of ${name}`} />
      <More loading={loading} />
    </>
  );
}
