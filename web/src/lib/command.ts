// An action in its two other forms: the command line's and curl's.
// Must hold: what is copied does the same as the button; words are quoted for a POSIX shell.

const bare = /^[A-Za-z0-9_@%+=:,./#~-]+$/;

export function quoted(word: string): string {
  if (word !== '' && bare.test(word) && !word.startsWith('~') && !word.startsWith('#')) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

export function commandLine(words: (string | number | undefined | false)[]): string {
  return words.filter((word) => word !== undefined && word !== false).map((word) => quoted(String(word))).join(' ');
}

export function curlOf(method: string, address: string, body?: unknown): string {
  const lines = [`curl -sS -X ${method} -H "Authorization: Bearer $MUSTER_TOKEN"`];
  if (method !== 'GET') lines.push(`-H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body ?? {}))}`);
  lines.push(`"$MUSTER_URL${address.replace(/[`"$\\]/g, '\\$&')}"`);
  return lines.join(' \\\n  ');
}
