/** A text as Markdown. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { MAX_MARKDOWN_CHARACTERS, markdown } from "./markdownNodes";
import { TextBlock } from "./TextBlock";

export function Markdown({ text }: { text: string }): JSX.Element {
  const content = useMemo(() => {
    if (text.length > MAX_MARKDOWN_CHARACTERS) {
      return null;
    }
    try {
      return markdown(text);
    } catch {
      // Nested a thousand deep, say: as it stands it can always be read.
      return null;
    }
  }, [text]);
  return content === null ? <TextBlock text={text} /> : <div class="nbt-markdown">{content}</div>;
}
