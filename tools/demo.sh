#!/usr/bin/env bash
# `./dev demo`: a real batch on real files, from nothing to its result: failures, logs and a retry included.
# Must hold: it leaves nothing running and, but for the folder it names, nothing behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PWD/build:$PATH
here=$(mktemp -d "${TMPDIR:-/tmp}/muster-demo-XXXXXX")
export MUSTER_DATA=$here/data

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {  # prints a command as a person would type it, then runs it
  printf '\033[2m$\033[0m %s\n' "$1"
  shift
  "$@"
}
finish() {
  muster down >/dev/null 2>&1 || true
  rm -rf "$here"
}
trap finish EXIT

# What to work on: files every Debian machine has, else those of this checkout; and three that do not exist.
# Files that are packed already are real failures here: twenty of them.
documents=$(find -L /usr/share/doc -type f -size +1 -size -512 2>/dev/null | sort || true)
{ grep -v '\.gz$' <<<"$documents" | head -377; grep '\.gz$' <<<"$documents" | head -20; } >"$here/files" || true
if [ "$(wc -l <"$here/files")" -lt 197 ]; then git ls-files | sed "s|^|$PWD/|" | head -397 >"$here/files"; fi
printf '%s\n' /nowhere/readme.txt /nowhere/changelog /nowhere/copyright >>"$here/files"

# One task: compress, verify, rate. A file that does not become smaller is a failure, unless ACCEPT says otherwise.
cat >"$here/rate.sh" <<'SH'
set -eu
file=$1
gzip -9 -c -- "$file" >"$TEMP/packed.gz"
gzip -t "$TEMP/packed.gz"
gunzip -c "$TEMP/packed.gz" | cmp - "$file"
before=$(stat -L -c %s -- "$file")
after=$(stat -c %s "$TEMP/packed.gz")
if [ "$after" -ge "$before" ] && [ "${ACCEPT:-no}" != yes ]; then
  echo "$file does not become smaller: $before bytes, packed $after" >&2
  exit 3
fi
echo "$file $before -> $after bytes, $((100 * after / before)) %"
SH

say "1. A server and a worker on this machine"
show "muster up -d" muster up -d --listen 127.0.0.1:0

say "2. $(wc -l <"$here/files") files to compress, verify and rate: one task each"
show "muster submit -n rate --from files --cwd none -- sh rate.sh {}" \
  muster submit -n rate --from "$here/files" --cwd none -- sh "$here/rate.sh" '{}'
show "muster wait last" muster wait last || true

say "3. What failed, and why"
show "muster task list last --state failed" muster task list last --state failed --limit 8
failed=$(muster task list last --state failed -o name | sed -n 1p)
show "muster logs $failed" muster logs "$failed"

say "4. Accept what does not become smaller, and try those again"
show "muster retry last --env ACCEPT=yes" muster retry last --env ACCEPT=yes
show "muster wait last" muster wait last || true

say "5. The result"
show "muster batch show last" muster batch show last
echo
echo "The slowest:"
muster task list last --state succeeded --columns id,wall_s,peak_memory_mb,command --no-header -o csv --limit 1000 |
  sort -t, -k2,2 -rn | head -5 | sed 's/^/  /'
echo "Still failed:"
muster task list last --state failed --columns id,cause,exit_code,command --no-header -o csv | sed 's/^/  /'
first=$(muster task list last --state failed -o name | sed -n 1p)

say "6. Look further (this server ends now; start your own: build/muster up -d)"
cat <<END
  muster status                    what is going on
  muster task show $first             everything about one task, all its attempts
  muster logs $first --stream stderr
  muster task list last --state failed
  muster submit --help
END
