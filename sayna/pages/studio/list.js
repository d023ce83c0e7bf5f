// Reads a list of prompts from a CSV or XLSX file, or from what was copied in a spreadsheet.

const LARGEST = 20 * 2 ** 20; // bytes of one part of an XLSX file when it is unpacked

/** Return a library of this page; it is loaded when it is first needed. */
export function library(path, name) {
  return new Promise((resolve, reject) => {
    if (window[name]) return resolve(window[name]);
    const script = document.createElement("script");
    script.src = path;
    script.addEventListener("load", () => resolve(window[name]));
    script.addEventListener("error", () => reject(new Error("The server cannot be reached.")));
    document.head.append(script);
  });
}

/** Return {columns, rows} of a file. */
export async function readFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  // Every XLSX file is a zip, whatever it is called.
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return tableOf(await cellsOf(bytes));
  return readText(decoded(bytes));
}

/** Return {columns, rows} of CSV, or of cells that were copied. */
export async function readText(text) {
  const papa = await library("studio/papaparse.js", "Papa");
  return tableOf(papa.parse(text.replace(/^\uFEFF/, ""), { skipEmptyLines: "greedy" }).data);
}

function decoded(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function tableOf(cells) {
  const filled = cells.map((row) => row.map(String)).filter((row) => row.some((cell) => cell.trim()));
  if (filled.length < 2) throw new Error("There is no row below the names of the columns.");
  const [columns, ...rows] = filled;
  while (columns.length && !columns.at(-1).trim() && rows.every((row) => !row[columns.length - 1]?.trim())) {
    columns.pop();
    rows.forEach((row) => row.splice(columns.length));
  }
  return { columns, rows };
}

/** Return the cells of the first sheet; the browser itself reads the XML. */
async function cellsOf(bytes) {
  const { unzipSync } = await library("studio/fflate.js", "fflate");
  const wanted = ({ name, originalSize }) =>
    originalSize < LARGEST && /^xl\/(sharedStrings\.xml|worksheets\/sheet\d+\.xml)$/.test(name);
  const parts = unzipSync(bytes, { filter: wanted });
  const sheets = Object.keys(parts).filter((name) => name.includes("sheet") && !name.includes("shared"));
  const number = (name) => Number(name.match(/\d+/)[0]);
  const [first] = sheets.sort((one, other) => number(one) - number(other));
  if (!first) throw new Error("This file is not a spreadsheet in the format XLSX.");
  const xml = (name) => new DOMParser().parseFromString(new TextDecoder().decode(parts[name]), "application/xml");
  const shared = parts["xl/sharedStrings.xml"] ? [...all(xml("xl/sharedStrings.xml"), "si")].map(textOf) : [];
  return [...all(xml(first), "row")].map((row) => {
    const cells = [];
    for (const cell of all(row, "c")) cells[columnOf(cell.getAttribute("r")) ?? cells.length] = valueOf(cell, shared);
    return Array.from(cells, (value) => value ?? "");
  });
}

function all(node, name) {
  return node.getElementsByTagNameNS("*", name);
}

function textOf(node) {
  return [...all(node, "t")].filter((text) => text.parentNode.localName !== "rPh").map((text) => text.textContent).join("");
}

function valueOf(cell, shared) {
  if (cell.getAttribute("t") === "inlineStr") return textOf(cell);
  const value = all(cell, "v")[0]?.textContent ?? "";
  return cell.getAttribute("t") === "s" ? shared[Number(value)] : value;
}

/** Return the number of a column from an address such as AB12. */
function columnOf(address) {
  const letters = address?.match(/^[A-Z]{1,3}/)?.[0];
  return letters ? [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1 : undefined;
}
