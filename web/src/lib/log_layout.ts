// Where each line of a log stands, so that only the seen ones are in the document.
// Must hold: heights follow from the text and the width alone; wide characters count twice.

export const lineHeight = 18;

const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/g;

function columnsOf(text: string): number {
  // eslint-disable-next-line no-control-regex
  const plain = text.includes('\x1b') ? text.replace(/\x1b\[[0-9;:]*[@-~]/g, '') : text;
  let columns = plain.length + (plain.match(wide)?.length ?? 0);
  if (plain.includes('\t')) columns += 7 * (plain.split('\t').length - 1);
  return columns;
}

export class LogLayout {
  // Of each line its first row; one more for the end. Without wrapping a line is a row, and nothing is kept.
  private rows: Uint32Array | null = null;
  private count = 0;

  // columns 0: lines are not wrapped.
  set(lines: readonly { text: string; more: number }[], columns: number): void {
    this.count = lines.length;
    this.rows = null;
    if (columns <= 0) return;
    const rows = new Uint32Array(lines.length + 1);
    lines.forEach((line, at) => {
      const wanted = columnsOf(line.text) + (line.more ? 40 : 0);
      rows[at + 1] = (rows[at] ?? 0) + Math.max(1, Math.ceil(wanted / columns));
    });
    this.rows = rows;
  }

  get height(): number {
    return (this.rows ? (this.rows[this.count] ?? 0) : this.count) * lineHeight;
  }

  top(line: number): number {
    return (this.rows ? (this.rows[line] ?? 0) : line) * lineHeight;
  }

  // The line at this place.
  at(pixels: number): number {
    const row = Math.max(0, Math.floor(pixels / lineHeight));
    if (!this.rows) return Math.min(row, Math.max(0, this.count - 1));
    let low = 0;
    let high = Math.max(0, this.count - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.rows[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
