/** The two fields of a form that sets a tag. */
import type { JSX, Ref } from "preact";

export interface TagFieldsProps {
  name: string;
  value: string;
  onName: (name: string) => void;
  onValue: (value: string) => void;
  nameRef?: Ref<HTMLInputElement>;
  valueRef?: Ref<HTMLInputElement>;
}

export function TagFields(props: TagFieldsProps): JSX.Element {
  return (
    <>
      <input
        class="nbt-input"
        {...(props.nameRef ? { ref: props.nameRef } : {})}
        placeholder="key"
        aria-label="Key of the tag"
        value={props.name}
        onInput={(event) => props.onName(event.currentTarget.value)}
      />
      <input
        class="nbt-input"
        {...(props.valueRef ? { ref: props.valueRef } : {})}
        placeholder="value"
        aria-label="Value of the tag"
        value={props.value}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
    </>
  );
}
