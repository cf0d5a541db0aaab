#!/usr/bin/env bash
# meson install into a DESTDIR: what is there, and whether man and bash can use it.
#   test_install.sh BUILD
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
DESTDIR=$place meson install -C "$1" --no-rebuild --quiet

find_one() {
    found=$(find "$place" -path "*/$1")
    [ -n "$found" ] || { echo "not installed: $1"; exit 1; }
}
find_one bin/gauntlet
"$found" --version
program=$found
find_one share/gauntlet/suites/quick.yaml
find_one man/man1/gauntlet.1
for word in 'gauntlet run' 'EXIT STATUS' 'save\\-adversarial'; do
    grep -q "$word" "$found" || { echo "the man page lacks: $word"; exit 1; }
done
find_one completions/gauntlet
complete_line() { # WORD...: what bash would offer for the last one
    bash -c 'shopt -u progcomp; . "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gauntlet
             echo "${COMPREPLY[*]}"' "$found" "$@"
}
[ "$(complete_line gauntlet doc)" = doctor ] || { echo "no completion of commands"; exit 1; }
[ "$(complete_line gauntlet run --save)" = --save-adversarial ] ||
    { echo "no completion of options"; exit 1; }
[ "$(complete_line gauntlet leaderboard --format mark)" = markdown ] ||
    { echo "no completion of words"; exit 1; }
(cd "$place" && "$program" run --limit 10 --quiet --db zoo.db &&
    "$program" leaderboard --db zoo.db | grep -q resnet8_plain) ||
    { echo "the networks are not inside"; exit 1; }
echo "installed, documented, completed, brings its networks"
