/** The tags of the trace, changed in place. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Changing } from "./Annotations";
import { CopyButton } from "./CopyButton";
import type { TagDetails } from "./types";

export interface TagsProps {
  tags: TagDetails[];
  stored: boolean;
  change: Changing;
}

export function Tags({ tags, stored, change }: TagsProps): JSX.Element {
  return (
    <>
      {tags.length > 0 && (
        <table class="nbt-table nbt-tags" aria-label="Tags of the trace">
          <tbody>
            {tags.map((tag) => (
              <Tag key={tag.key} tag={tag} stored={stored} change={change} />
            ))}
          </tbody>
        </table>
      )}
      {stored && <NewTag change={change} />}
    </>
  );
}

function Tag(props: { tag: TagDetails; stored: boolean; change: Changing }): JSX.Element {
  const { tag, stored, change } = props;
  const [draft, setDraft] = useState<string | null>(null);
  const save = (): void => {
    if (draft !== null && draft !== tag.value) {
      void change("set_tag", { key: tag.key, value: draft }, `Tag ${tag.key} saved`).then(
        (saved) => saved && setDraft(null),
      );
    } else {
      setDraft(null);
    }
  };
  return (
    <tr>
      <th scope="row">{tag.key}</th>
      <td>
        {draft === null ? (
          <>
            <span class="nbt-plain">{tag.value}</span>
            <CopyButton what={`the tag ${tag.key}`} text={() => tag.value} />
            {stored && !tag.fixed && (
              <>
                <button
                  type="button"
                  class="nbt-button nbt-copy"
                  aria-label={`Edit the tag ${tag.key}`}
                  onClick={() => setDraft(tag.value)}
                >
                  Edit
                </button>
                <button
                  type="button"
                  class="nbt-button nbt-copy"
                  aria-label={`Delete the tag ${tag.key}`}
                  onClick={() => {
                    void change("delete_tag", { key: tag.key }, `Tag ${tag.key} deleted`);
                  }}
                >
                  Delete
                </button>
              </>
            )}
          </>
        ) : (
          <form
            class="nbt-form"
            onSubmit={(event) => {
              event.preventDefault();
              save();
            }}
          >
            <input
              class="nbt-field"
              aria-label={`Value of ${tag.key}`}
              value={draft}
              ref={(element) => element?.focus()}
              onInput={(event) => setDraft(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Escape") {
                  event.stopPropagation();
                  setDraft(null);
                }
              }}
            />
            <button type="submit" class="nbt-button nbt-primary">
              Save
            </button>
            <button type="button" class="nbt-button" onClick={() => setDraft(null)}>
              Cancel
            </button>
          </form>
        )}
      </td>
    </tr>
  );
}

function NewTag({ change }: { change: Changing }): JSX.Element {
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  return (
    <form
      class="nbt-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== "") {
          void change("set_tag", { key: key.trim(), value }, `Tag ${key.trim()} saved`).then(
            (saved) => {
              if (saved) {
                setKey("");
                setValue("");
              }
            },
          );
        }
      }}
    >
      <input
        class="nbt-field"
        placeholder="key"
        aria-label="Key of a new tag"
        value={key}
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <input
        class="nbt-field"
        placeholder="value"
        aria-label="Value of a new tag"
        value={value}
        onInput={(event) => setValue(event.currentTarget.value)}
      />
      <button type="submit" class="nbt-button" disabled={key.trim() === ""}>
        Add tag
      </button>
    </form>
  );
}
