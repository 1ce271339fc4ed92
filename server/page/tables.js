// Tables and lists of the page. All that comes from the server is set as text, never as markup.

/** A new element, perhaps with a class and a text. */
export function element(name, style = "", text = "") {
  const made = document.createElement(name);
  if (style) made.className = style;
  if (text) made.textContent = text;
  return made;
}

/** Sets a text if it is another, so that a selection and a screen reader are left alone. */
function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Gives a parent as many children as there are items, and keeps those that are there. */
function grow(parent, count, make) {
  while (parent.children.length > count) parent.lastChild.remove();
  while (parent.children.length < count) parent.append(make(parent.children.length));
}

/** Characters that a reader obeys instead of showing them, as in the server's log. */
const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A text of the server with such characters shown as escapes. */
export function plain(text) {
  return String(text).replace(OBEYED, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/**
 * Fills a table: a caption or none, the heads, a class for each column, and rows of texts. A number
 * between 0 and 1 becomes a bar. The first cell of a row is its head.
 */
export function fill(table, { caption, heads, classes, rows }) {
  if (!table.tHead) {
    table.createTHead().append(element("tr"));
    table.append(element("tbody"));
  }
  if (caption) say(table.createCaption(), caption);
  const head = table.tHead.rows[0];
  grow(head, heads.length, (column) => {
    const cell = element("th", classes[column]);
    cell.scope = "col";
    return cell;
  });
  heads.forEach((text, column) => say(head.cells[column], text));
  const body = table.tBodies[0];
  grow(body, rows.length, () => element("tr"));
  rows.forEach((row, place) => {
    const line = body.rows[place];
    grow(line, row.length, (column) => {
      const cell = element(column === 0 ? "th" : "td", classes[column]);
      if (column === 0) cell.scope = "row";
      return cell;
    });
    row.forEach((value, column) => put(line.cells[column], value, row[0]));
  });
}

/** A text, or a bar for a share. */
function put(cell, value, name) {
  if (typeof value !== "number") return say(cell, value);
  let bar = cell.querySelector("progress");
  if (!bar) {
    bar = element("progress");
    bar.max = 1;
    cell.replaceChildren(bar);
  }
  bar.value = value;
  bar.setAttribute("aria-label", name);
}

/** Fills a list of terms with pairs of a name and a text; a third part is a class of the text. */
export function list(root, pairs) {
  grow(root, pairs.length, () => {
    const pair = element("div");
    pair.append(element("dt"), element("dd"));
    return pair;
  });
  pairs.forEach(([name, text, style = ""], place) => {
    const [term, value] = root.children[place].children;
    say(term, name);
    say(value, text);
    if (value.className !== style) value.className = style;
  });
}
