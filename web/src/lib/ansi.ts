// Text of a terminal as pieces with classes: colours, bold, dim, underline; every other control sequence is taken out.
// Must hold: log text is hostile; what comes out are strings and class names of this file, never markup.

export interface Piece {
  text: string;
  classes: string;
}

interface Style {
  colour: number; // -1: none; 0 to 15
  background: number;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

const plain: Style = { colour: -1, background: -1, bold: false, dim: false, italic: false, underline: false };

// CSI and OSC sequences, other escapes, and control characters but tab.
// eslint-disable-next-line no-control-regex
const control = /\x1b\[([0-9;:]*)([@-~])|\x1b\[[ -?]*[@-~]?|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|\x1b[@-_a-z0-9=>]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

// The colours of 256 and of 24 bits, as the nearest of the sixteen: those have enough contrast in both themes.
function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  if (most < 48) return 0;
  const bright = most > 190 ? 8 : 0;
  const half = most / 2;
  return bright + (red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0);
}

function of256(code: number): number {
  if (code < 16) return code;
  if (code >= 232) return code < 244 ? 8 : 7;
  const cube = code - 16;
  const level = (value: number) => value * 51;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

// One of 38 and 48 with what follows it; how many codes that were.
function extended(codes: number[], at: number): { colour: number; used: number } {
  if (codes[at + 1] === 5) return { colour: of256(codes[at + 2] ?? 0), used: 3 };
  if (codes[at + 1] === 2) return { colour: nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0), used: 5 };
  return { colour: -1, used: 1 };
}

function changed(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map((code) => Number.parseInt(code, 10) || 0);
  const next = { ...style };
  for (let at = 0; at < codes.length; ++at) {
    const code = codes[at] ?? 0;
    if (code === 0) Object.assign(next, plain);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code >= 30 && code <= 37) next.colour = code - 30;
    else if (code >= 90 && code <= 97) next.colour = code - 82;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code >= 100 && code <= 107) next.background = code - 92;
    else if (code === 39) next.colour = -1;
    else if (code === 49) next.background = -1;
    else if (code === 38 || code === 48) {
      const { colour, used } = extended(codes, at);
      if (code === 38) next.colour = colour;
      else next.background = colour;
      at += used - 1;
    }
  }
  return next;
}

function classesOf(style: Style): string {
  const names: string[] = [];
  if (style.colour >= 0) names.push(`ansi-${style.colour}`);
  if (style.background >= 0) names.push('ansi-on');
  if (style.bold) names.push('ansi-bold');
  if (style.dim) names.push('ansi-dim');
  if (style.italic) names.push('ansi-italic');
  if (style.underline) names.push('ansi-underline');
  return names.join(' ');
}

const piecesMax = 400; // of a line; the rest has no colours

export function piecesOf(line: string): Piece[] {
  // Of what was overwritten with a carriage return the last state is shown, as on a terminal.
  const start = line.endsWith('\r') ? line.lastIndexOf('\r', line.length - 2) : line.lastIndexOf('\r');
  if (start >= 0) line = line.slice(start + 1);
  const pieces: Piece[] = [];
  let style = plain;
  let at = 0;
  const add = (text: string) => {
    if (text) pieces.push({ text, classes: classesOf(style) });
  };
  control.lastIndex = 0;
  for (let found; (found = control.exec(line)) !== null; ) {
    add(line.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[2] === 'm') style = changed(style, found[1] ?? '');
    if (pieces.length === piecesMax) {
      add(line.slice(at).replace(control, ''));
      return pieces;
    }
  }
  add(line.slice(at));
  return pieces;
}

export function withoutControl(text: string): string {
  return text.replace(control, '');
}
