/** What people and judges say of the trace, and its tags: read, given and changed in place. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { count } from "../page/format";
import { Feedback } from "./Feedback";
import { usePanel } from "./panel";
import { Section } from "./Section";
import { Tags } from "./Tags";
import type { DetailMethods, Annotations as Found } from "./types";

type Change = "feedback" | "delete_feedback" | "set_tag" | "delete_tag";

/** Change something and take what there is then; resolves to whether it worked. */
export type Changing = <Method extends Change>(
  method: Method,
  params: DetailMethods[Method]["params"],
  said: string,
) => Promise<boolean>;

export interface AnnotationsProps {
  /** Feedback on the root is feedback on the trace. */
  isRoot: boolean;
}

export function Annotations({ isRoot }: AnnotationsProps): JSX.Element | null {
  const panel = usePanel();
  const { requests } = panel;
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let current = true;
    const load = (): void => {
      requests.ask("annotations", {}).then(
        (answer) => current && setFound(answer),
        // A page without a kernel has none to show.
        () => {},
      );
    };
    load();
    const forget = requests.onChanged(load);
    return () => {
      current = false;
      forget();
    };
  }, [requests]);
  if (found === null) {
    return null;
  }
  const change: Changing = async (method, params, said) => {
    try {
      setFound(await (requests.ask(method, params) as Promise<Found>));
      setProblem("");
      panel.say(said);
      return true;
    } catch (error) {
      setProblem((error as Error).message);
      return false;
    }
  };
  const shown = found.assessments.filter((one) => isRoot || one.span_id === panel.spanId);
  return (
    <>
      {(found.stored || shown.length > 0) && (
        <Section kind="feedback" title="Feedback" note={count(shown.length) || undefined}>
          {problem && (
            <p class="nbt-error" role="alert">
              {problem}
            </p>
          )}
          <Feedback
            assessments={shown}
            stored={found.stored}
            spanId={isRoot ? null : panel.spanId}
            change={change}
          />
        </Section>
      )}
      {(found.stored || found.tags.length > 0) && (
        <Section kind="tags" title="Tags of the trace" note={count(found.tags.length)} closed>
          {problem && (
            <p class="nbt-error" role="alert">
              {problem}
            </p>
          )}
          <Tags tags={found.tags} stored={found.stored} change={change} />
        </Section>
      )}
    </>
  );
}
