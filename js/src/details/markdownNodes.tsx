/**
 * Markdown made into elements: no HTML is ever written or parsed, so nothing in a text can run. HTML
 * in it is shown as the text it is, links lead to the web or nowhere, and images are shown only if
 * their bytes stand in the text.
 */
import type { ComponentChildren, JSX } from "preact";
import { Attached } from "./Attached";
import { type Block, blocksOf, type Item } from "./markdownBlocks";
import type { Inline } from "./markdownInline";
import { isImage, isLink, referenceOf } from "./media";
import { visible } from "./visible";

/** More than this is shown as plain text: reading it as Markdown would block the page. */
export const MAX_MARKDOWN_CHARACTERS = 100_000;
/** The outline of a message is below that of the panel. */
const FIRST_LEVEL = 5;

/** Read Markdown. */
export function markdown(text: string): ComponentChildren {
  return blocks(blocksOf(text));
}

function blocks(found: readonly Block[], tight = false): ComponentChildren[] {
  return found.map((block, index) => <OneBlock key={index} block={block} tight={tight} />);
}

function inlines(found: readonly Inline[]): ComponentChildren[] {
  return found.map((item, index) => <OneInline key={index} item={item} />);
}

function OneBlock({ block, tight }: { block: Block; tight: boolean }): ComponentChildren {
  switch (block.type) {
    case "paragraph":
      return tight ? inlines(block.inner) : <p>{inlines(block.inner)}</p>;
    case "heading":
      return (
        <div class="nbt-heading" role="heading" aria-level={FIRST_LEVEL + block.level - 1}>
          {inlines(block.inner)}
        </div>
      );
    case "code":
      return (
        <pre>
          <code>{visible(block.text)}</code>
        </pre>
      );
    case "quote":
      return <blockquote>{blocks(block.blocks)}</blockquote>;
    case "list":
      return <List list={block} />;
    case "table":
      return <Table table={block} />;
    case "rule":
      return <hr />;
  }
}

function List({ list }: { list: Extract<Block, { type: "list" }> }): JSX.Element {
  const items = list.items.map((item: Item, index) => (
    <li key={index}>
      {item.checked === null ? "" : item.checked ? "☑ " : "☐ "}
      {blocks(item.blocks, list.tight)}
    </li>
  ));
  return list.ordered ? <ol start={list.start}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table }: { table: Extract<Block, { type: "table" }> }): JSX.Element {
  const style = (index: number): { textAlign: string } => ({
    textAlign: table.align[index] ?? "left",
  });
  return (
    <table>
      <thead>
        <tr>
          {table.header.map((cell, index) => (
            <th key={index} style={style(index)}>
              {inlines(cell)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row, place) => (
          <tr key={place}>
            {row.map((cell, index) => (
              <td key={index} style={style(index)}>
                {inlines(cell)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function OneInline({ item }: { item: Inline }): JSX.Element {
  switch (item.type) {
    case "text":
      return <>{visible(item.text)}</>;
    case "code":
      return <code>{visible(item.text)}</code>;
    case "br":
      return <br />;
    case "strong":
      return <strong>{inlines(item.inner)}</strong>;
    case "em":
      return <em>{inlines(item.inner)}</em>;
    case "del":
      return <del>{inlines(item.inner)}</del>;
    case "link":
      return <Link href={item.href}>{inlines(item.inner)}</Link>;
    case "image": {
      const reference = referenceOf(item.href);
      if (reference) {
        return <Attached key={item.href} to={reference} alt={visible(item.text)} />;
      }
      return isImage(item.href) ? (
        <img class="nbt-image" src={item.href} alt={visible(item.text)} />
      ) : (
        <Link href={item.href}>{visible(item.text) || "image"} (image, not loaded)</Link>
      );
    }
  }
}

function Link({ href, children }: { href: string; children: ComponentChildren }): JSX.Element {
  return isLink(href) ? (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      {children}
    </a>
  ) : (
    <span title={visible(href)}>{children}</span>
  );
}
