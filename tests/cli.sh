#!/bin/bash
# The command line's contract: cli.sh AIRTIGHT
#
# Help, versions, exit codes, completion, colour, --check, the output directory in every odd state, kills, full and read-only
# disks. Prints "FAIL NAME WHY" and "SKIPPED NAME WHY", and at the end the counts. Needs no network; what needs root (file
# systems of its own, in a private mount namespace) is skipped without it.
set -u
[ $# -eq 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2; }
airtight=$(readlink -f "$1")
tests=$(cd "$(dirname "$0")" && pwd)
rules=$tests/../rules
spec=$tests/golden/everything/spec.yaml
small=$tests/golden/minimal/spec.yaml
at=(--at 2026-11-25)
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 4
unset NO_COLOR AIRTIGHT_RULES
export LC_ALL=C.UTF-8 TERM=xterm
passed=0 failed=0 skipped=0

ok() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $1 $2"; }
skip() { skipped=$((skipped + 1)); echo "SKIPPED $1 $2"; }
verdict() { if [ "$2" = 0 ]; then ok; else fail "$1" "$3"; fi; }  # NAME STATUS WHY

# run NAME EXIT COMMAND...: outputs go to ./out.txt and ./err.txt
run() {
  local name=$1 want=$2 got
  shift 2
  "$@" > out.txt 2> err.txt < /dev/null
  got=$?
  if [ "$got" = "$want" ]; then ok; else fail "$name" "exit code $got, expected $want: $(head -c 300 err.txt)"; fi
}
says() { # NAME FILE TEXT
  if grep -qF -- "$3" "$2"; then ok; else fail "$1" "does not say '$3': $(head -c 300 "$2")"; fi
}
silent() { # NAME FILE
  if [ -s "$2" ]; then fail "$1" "$2 should be empty: $(head -c 200 "$2")"; else ok; fi
}
compile() { "$airtight" compile "$@" "${at[@]}"; }

# Whether DIR is one whole output: every file of the manifest with its digest, and no other. Prints the spec's digest.
whole() {
  python3 - "$1" << 'PYTHON'
import hashlib, json, pathlib, sys
root = pathlib.Path(sys.argv[1])
manifest = json.loads((root / "manifest.json").read_bytes())
listed = {a["path"]: a["sha256"] for a in manifest["artifacts"]}
there = {p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir()}
if there != set(listed) | {"manifest.json"}:
    sys.exit(f"files differ from the manifest: {sorted(there ^ (set(listed) | {'manifest.json'}))[:5]}")
for path, digest in listed.items():
    if hashlib.sha256((root / path).read_bytes()).hexdigest() != digest:
        sys.exit(f"{path} is not what the manifest says")
print(manifest["spec_digest"])
PYTHON
}
tree_digest() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum; find . -type l | sort) | sha256sum; }

# --- help, version, usage
for words in "" "compile" "catalogue" "catalogue list" "catalogue show" "catalogue check" "schema" "completion"; do
  # shellcheck disable=SC2086 # several words
  run "help:$words" 0 "$airtight" $words --help
  says "help:$words" out.txt "Usage: airtight"
  silent "help:$words" err.txt
done
run help-lists 0 "$airtight" --help
for command in compile catalogue schema completion; do says help-lists out.txt "$command"; done
says help-lists out.txt "Exit codes:"
run version 0 "$airtight" --version
for word in airtight compiler yaml-cpp nlohmann-json CLI11 OpenSSL; do says version out.txt "$word"; done
run no-command 2 "$airtight"
run unknown-command 2 "$airtight" frobnicate
run unknown-flag 2 "$airtight" compile "$small" -o x --frob
run no-output 2 "$airtight" compile "$small"
run two-formats 2 "$airtight" compile "$small" -o x --format xml
silent two-formats out.txt
run explain 0 "$airtight" --explain at-s203
says explain out.txt "AT-S203: prefix with host bits set"
run explain-all 0 "$airtight" --explain AT-U701

# --- schemas, catalogues, completion
for name in spec policy manifest diagnostics; do
  run "schema:$name" 0 "$airtight" schema "$name"
  python3 -m json.tool < out.txt > /dev/null
  verdict "schema:$name" $? "is no JSON"
done
run schema-default 0 "$airtight" schema
cmp -s out.txt "$tests/../compiler/spec/isolation_spec.schema.json"
verdict schema-default $? "is not the tree's schema of the language"
run catalogue-list 0 "$airtight" catalogue list
names=$(awk '{print $1}' out.txt)
verdict catalogue-list "$([ "$(echo "$names" | wc -l)" -ge 10 ]; echo $?)" "lists too few"
for name in $names; do
  run "catalogue-show:$name" 0 "$airtight" catalogue show "$name"
  run "catalogue-show-json:$name" 0 "$airtight" catalogue show "$name" --format json
  python3 -m json.tool < out.txt > /dev/null
  verdict "catalogue-show-json:$name" $? "is no JSON"
done
while read -r subject want; do
  run "catalogue-check:$subject" 0 "$airtight" catalogue check "$subject"
  says "catalogue-check:$subject" out.txt "$want"
done << 'ROWS'
api.openai.com hosted-llm
API.OpenAI.com. hosted-llm
15.197.85.80 xpander-cloud
169.254.169.254 cloud-metadata
10.0.0.1 Private-Use
fd00::/8 Unique-Local
nothing.example no catalogue names nothing.example
8.8.4.4 doh
ROWS
run catalogue-check-bad 2 "$airtight" catalogue check 10.0.0.1/33
run catalogue-check-json 0 "$airtight" catalogue check api.openai.com --format json
python3 -c 'import json, sys; d = json.load(open("out.txt")); sys.exit(not any(m["catalogue"] == "hosted-llm" for m in d["matches"]))'
verdict catalogue-check-json $? "does not name hosted-llm"
cp -r "$rules" rules
sed -i '0,/label: *"[^"]*"/s//label: "edited here"/' rules/hosted-llm.yaml
run rules-copy 0 "$airtight" catalogue show hosted-llm --rules rules
says rules-copy out.txt "edited here"
run rules-copy-compiles 0 compile "$small" -o rules-out --rules rules
says rules-copy-compiles rules-out/policy.json "edited here"
run rules-missing 4 compile "$small" -o no --rules nowhere
for shell in bash zsh fish; do
  run "completion:$shell" 0 "$airtight" completion "$shell"
  cp out.txt "completion.$shell"
  if ! command -v "$shell" > /dev/null; then
    skip "completion-$shell" "$shell is not installed"
    continue
  fi
  "$shell" -n "completion.$shell"
  verdict "completion-$shell" $? "$shell refuses the script"
done
completes() { # WORDS... : what bash offers for the last one
  bash -c 'source completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _airtight; echo "${COMPREPLY[*]}"' bash "$@"
}
for row in "airtight c|catalogue compile completion connections" "airtight catalogue |check list show" "airtight completion |bash fish zsh" "airtight compile --target net|networkpolicy" "airtight compile --for|--force --format"; do
  IFS='|' read -r words want <<< "$row"
  read -ra split <<< "$words"
  case $words in *' ') split+=("") ;; esac
  got=$(completes "${split[@]}" | tr ' ' '\n' | sort | xargs)
  verdict "completes:$words" "$([ "$got" = "$want" ]; echo $?)" "offers '$got', expected '$want'"
done

# --- colour: on a terminal only
printf 'nonsense: 1\n' > bad.yaml
run plain-when-piped 2 compile bad.yaml -o no
if grep -q $'\033' err.txt; then fail plain-when-piped "colour in a pipe"; else ok; fi
if command -v script > /dev/null; then
  coloured() { script -qec "$1 '$airtight' compile bad.yaml -o no ${at[*]}" /dev/null < /dev/null | grep -c $'\033\[1;31m'; }
  verdict colour-on-a-terminal "$([ "$(coloured "")" -gt 0 ]; echo $?)" "no colour on a terminal"
  verdict no-color "$([ "$(coloured "NO_COLOR=1")" = 0 ]; echo $?)" "NO_COLOR is not honoured"
  verdict no-color-empty "$([ "$(coloured "NO_COLOR=")" -gt 0 ]; echo $?)" "an empty NO_COLOR counts"
  verdict dumb-terminal "$([ "$(coloured "TERM=dumb")" = 0 ]; echo $?)" "colour on a dumb terminal"
else
  skip colour-on-a-terminal "script(1) is not installed"
fi
run json-diagnostics 2 compile bad.yaml -o no --format json
silent json-diagnostics err.txt
python3 -c 'import json; d = json.load(open("out.txt"))["diagnostics"]; assert d[0]["code"].startswith("AT-") and d[0]["line"] == 1, d'
verdict json-diagnostics $? "is not the JSON of diagnostics"
run json-clean 0 compile "$small" -o json-out --format json
verdict json-clean "$([ "$(python3 -c 'import json; print(json.load(open("out.txt"))["diagnostics"])')" = "[]" ]; echo $?)" "is no empty list"

# --- compile, --check and hand edits
run compile 0 compile "$spec" -o out
run check-clean 0 compile "$spec" -o out --check
silent check-clean err.txt
digest=$(tree_digest out)
run compile-again 0 compile "$spec" -o out
verdict compile-again "$([ "$(tree_digest out)" = "$digest" ]; echo $?)" "a second run wrote other bytes"
compile - -o stdin-out < "$small" > out.txt 2> err.txt
verdict stdin $? "exit code is not 0"
compile <(cat "$small") -o pipe-out > out.txt 2> err.txt
verdict pipe $? "exit code is not 0"
find out -type f | sort > files.txt
while read -r file; do
  cp -p "$file" kept
  awk -v middle="$(($(wc -l < kept) * 2 / 3))" '{print} NR == middle {print $0 " "}' kept > "$file"
  run "check:$file" 1 compile "$spec" -o out --check
  says "check:$file" err.txt "$file:"
  says "check:$file" err.txt "error[AT-F604]: differs from what the spec compiles to"
  : > "$file"
  run "check-empty:$file" 1 compile "$spec" -o out --check
  rm "$file"
  run "check-missing:$file" 1 compile "$spec" -o out --check
  says "check-missing:$file" err.txt "$file: error[AT-F604]: is missing"
  cp -p kept "$file"
done < files.txt
run check-clean-after 0 compile "$spec" -o out --check
edited() { # NAME FILE SED-SCRIPT RULE
  cp -p "out/$2" kept
  sed -i "$3" "out/$2"
  if cmp -s kept "out/$2"; then fail "$1" "the edit changed nothing"; return; fi
  run "$1" 1 compile "$spec" -o out --check
  says "$1" err.txt "out/$2:"
  says "$1" err.txt "in the rule '$4"
  cp -p kept "out/$2"
}
edited rule-networkpolicy networkpolicy/app.yaml '0,/port: 9018/s//port: 9019/' "agent inference (spec.yaml:"
edited rule-nftables nftables/airtight.nft '/SEC-12/{/comment/s/counter/accept counter/}' "SEC-12"
edited rule-egress nftables/airtight-egress.nft '/SEC-12/{/comment/s/goto/jump/}' "SEC-12"
sed -i 's/"version": "[^"]*"/"version": "0.0.0-other"/' out/manifest.json
run check-other-version 0 compile "$spec" -o out --check
chmod -x out/nftables/apply.sh
run check-not-executable 1 compile "$spec" -o out --check
says check-not-executable err.txt "out/nftables/apply.sh: error[AT-F604]: is not executable any more"
ln -s /etc/passwd out/networkpolicy/link
run check-link 1 compile "$spec" -o out --check
says check-link err.txt "out/networkpolicy/link: error[AT-F604]: is not made by this spec"
rm out/networkpolicy/link
run check-writes-nothing 1 compile "$spec" -o fresh --check
verdict check-writes-nothing "$([ ! -e fresh ]; echo $?)" "--check made the directory"
run recompile 0 compile "$spec" -o out
verdict recompile "$([ "$(tree_digest out)" = "$digest" ]; echo $?)" "does not restore the output"

# --- an error leaves the output alone; stale artifacts go; foreign files stay
run error-leaves-output 2 compile bad.yaml -o out
verdict error-leaves-output "$([ "$(tree_digest out)" = "$digest" ]; echo $?)" "an error changed the output"
run fewer-targets 0 compile "$spec" -o out --target networkpolicy
verdict fewer-targets "$([ ! -e out/nftables ] && [ ! -e out/rpz ] && whole out > /dev/null; echo $?)" "stale artifacts are left"
run restored 0 compile "$spec" -o out
echo mine > out/networkpolicy/mine.yaml
ln -s mine.yaml out/networkpolicy/link.yaml
before=$(tree_digest out)
run foreign 2 compile "$small" -o out
says foreign err.txt "error[AT-F603]: holds files that airtight did not write: networkpolicy/link.yaml, networkpolicy/mine.yaml"
verdict foreign "$([ "$(tree_digest out)" = "$before" ]; echo $?)" "the output changed"
inode=$(stat -c %i out/networkpolicy/mine.yaml)
run force 0 compile "$small" -o out --force
verdict force "$([ "$(cat out/networkpolicy/mine.yaml)" = mine ] && [ "$(stat -c %i out/networkpolicy/mine.yaml)" = "$inode" ] && [ -L out/networkpolicy/link.yaml ]; echo $?)" "a foreign file was not kept"
verdict force "$([ ! -e out/nftables ]; echo $?)" "stale artifacts are left"
mkdir other && echo '{}' > other/policy.json
run foreign-of-our-name 2 compile "$small" -o other
verdict foreign-of-our-name "$([ "$(cat other/policy.json)" = '{}' ]; echo $?)" "it was overwritten"
run force-of-our-name 0 compile "$small" -o other --force
verdict force-of-our-name "$(whole other > /dev/null; echo $?)" "is not whole"
mkdir other/empty-directory
run empty-directory 0 compile "$small" -o other

# --- paths
run trailing-slash 0 compile "$small" -o path/new/
verdict trailing-slash "$(whole path/new > /dev/null; echo $?)" "is not whole"
run trailing-slash-check 0 compile "$small" -o path/new/ --check
run trailing-slash-check-from-above 0 compile "$small" -o ./path/./new --check
run dots 0 compile "$small" -o ./path/../path/new/.
verdict dots "$(whole path/new > /dev/null && [ "$(ls -A path)" = new ]; echo $?)" "is not whole"
ln -s path/new link
run symlink 0 compile "$small" -o link
verdict symlink "$([ -L link ] && whole path/new > /dev/null; echo $?)" "the link or what it names is broken"
ln -s nowhere dangling
run dangling-link 4 compile "$small" -o dangling
verdict dangling-link "$([ -L dangling ] && [ ! -e nowhere ]; echo $?)" "a link to nothing was followed or replaced"
echo text > file
run existing-file 4 compile "$small" -o file
verdict existing-file "$([ "$(cat file)" = text ]; echo $?)" "the file changed"
run below-a-file 4 compile "$small" -o file/out
run root-directory 4 compile "$small" -o /
mkdir inside && cd inside || exit 4
run empty-name 2 compile "$small" -o ''
cd .. || exit 4
verdict empty-name "$([ "$(ls -A inside)" = $'err.txt\nout.txt' ]; echo $?)" "-o '' wrote something"
mkdir here
(cd here && compile "$small" -o . > /dev/null)
verdict dot $? "exit code is not 0"
verdict dot "$(whole here > /dev/null; echo $?)" "is not whole"
run odd-name 0 compile "$small" -o $'odd \n name'
verdict odd-name "$(whole $'odd \n name' > /dev/null; echo $?)" "is not whole"
mkdir -m 750 mode && compile "$small" -o mode > /dev/null
verdict mode-kept "$([ "$(stat -c %a mode)" = 750 ]; echo $?)" "the directory's mode is $(stat -c %a mode)"
(umask 027 && compile "$small" -o masked > /dev/null)
verdict umask "$([ "$(stat -c %a masked) $(stat -c %a masked/policy.json)" = "750 640" ]; echo $?)" "modes are $(stat -c %a masked masked/policy.json | xargs)"

# --- standard output that cannot be written
for words in "--help" "--version" "compile --help" "catalogue list" "catalogue show doh" "catalogue check 10.0.0.1" "schema" "completion bash" "--explain AT-S203"; do
  # shellcheck disable=SC2086
  "$airtight" $words > /dev/full 2> err.txt
  verdict "full:$words" "$([ $? = 4 ]; echo $?)" "a full standard output is not exit code 4"
done
compile "$small" -o full-out > /dev/full 2> err.txt
verdict full:compile "$([ $? = 4 ]; echo $?)" "a full standard output is not exit code 4"
compile bad.yaml -o no --format json > /dev/full 2> err.txt
verdict full:json "$([ $? = 4 ]; echo $?)" "a full standard output is not exit code 4"

# --- kills and two at once: the directory is always one whole output
python3 - "$spec" << 'PYTHON' > big.yaml
import sys
text = open(sys.argv[1]).read()
addresses = ", ".join(f"10.{60 + i // 16384}.{i // 64 % 256}.{i % 64 * 4}/31" for i in range(12000))
print(text.replace("endpoints:\n", "endpoints:\n  many: {role: other, addresses: [" + addresses + "], ports: [9/tcp]}\n", 1), end="")
PYTHON
start=$(date +%s%N)
run big 0 compile big.yaml -o killed
duration=$((($(date +%s%N) - start) / 1000))
new=$(whole killed)
run old 0 compile "$spec" -o killed
old=$(whole killed)
verdict two-specs "$([ "$new" != "$old" ] && [ -n "$new" ] && [ -n "$old" ]; echo $?)" "both specs have one digest"
RANDOM=20261125 broken=0 olds=0 news=0
for _ in $(seq 40); do
  compile big.yaml -o killed > /dev/null 2>&1 &
  pid=$!
  wait_us=$(((RANDOM * 32768 + RANDOM) % (duration * 5 / 4)))
  sleep "$(printf '%d.%06d' $((wait_us / 1000000)) $((wait_us % 1000000)))"
  kill -9 "$pid" 2> /dev/null
  wait "$pid" 2> /dev/null
  case $(whole killed 2>&1) in
    "$old") olds=$((olds + 1)) ;;
    "$new") news=$((news + 1)); compile "$spec" -o killed > /dev/null 2>&1 ;;
    *) broken=$((broken + 1)); whole killed ;;
  esac
done
verdict kill-9 "$broken" "$broken of 40 kills left a broken directory"
verdict kill-9-both "$([ "$olds" -gt 0 ]; echo $?)" "no kill hit before the end ($olds old, $news new): the test shows nothing"
run after-kills 0 compile "$spec" -o killed
verdict after-kills "$([ -z "$(find . -maxdepth 1 -name '.killed.airtight-*')" ]; echo $?)" "killed runs left temporary directories"
torn=0
for _ in $(seq 8); do
  compile big.yaml -o killed > /dev/null 2> one.txt & first=$!
  compile "$spec" -o killed > /dev/null 2> two.txt & second=$!
  wait "$first"; one=$?
  wait "$second"; two=$?
  case $(whole killed) in "$old" | "$new") ;; *) torn=$((torn + 1)) ;; esac
  [ "$one$two" = 00 ] || { torn=$((torn + 1)); cat one.txt two.txt; }
done
verdict two-at-once "$torn" "$torn of 8 pairs went wrong"
verdict two-at-once "$([ -z "$(find . -maxdepth 1 -name '.killed.airtight-*')" ]; echo $?)" "temporary directories are left"

# --- file systems: full, read-only, a mount point
if [ "$(id -u)" -ne 0 ] || ! unshare -m true 2> /dev/null; then
  skip disk-full "needs root and a mount namespace"
  skip read-only-disk "needs root and a mount namespace"
  skip mount-point "needs root and a mount namespace"
else
  mkdir disk
  cat > on_disk.sh << 'SCRIPT'
mount --make-rprivate / && mount -t tmpfs -o size=3m none disk || exit 9
"$1" compile "$2" -o disk/out --at 2026-11-25 > /dev/null || exit 9
before=$(cd disk/out && find . -type f -print0 | sort -z | xargs -0 sha256sum)
head -c 100m /dev/zero > disk/filler 2> /dev/null
case $3 in
  disk-full) "$1" compile big.yaml -o disk/out --at 2026-11-25 ;;
  read-only-disk) mount -o remount,ro disk && "$1" compile big.yaml -o disk/out --at 2026-11-25 ;;
  mount-point) mkdir -p mnt && mount -t tmpfs none mnt && "$1" compile "$2" -o mnt --at 2026-11-25 ;;
esac
status=$?
[ "$(cd disk/out && find . -type f -print0 | sort -z | xargs -0 sha256sum)" = "$before" ] || { echo "the old output changed"; exit 8; }
[ -z "$(find disk -maxdepth 1 -name '.out.airtight-*')" ] || { echo "a temporary directory is left"; exit 8; }
exit "$status"
SCRIPT
  run disk-full 4 unshare -m bash on_disk.sh "$airtight" "$spec" disk-full
  says disk-full err.txt "error[AT-F602]: cannot be written: No space left on device"
  run read-only-disk 4 unshare -m bash on_disk.sh "$airtight" "$spec" read-only-disk
  says read-only-disk err.txt "error[AT-F602]: cannot be written: Read-only file system"
  run mount-point 4 unshare -m bash on_disk.sh "$airtight" "$spec" mount-point
  says mount-point err.txt "it is a mount point"
fi
mkdir closed && compile "$small" -o closed/out > /dev/null && chmod 555 closed
if [ "$(id -u)" -ne 0 ]; then
  run closed-directory 4 compile "$spec" -o closed/out
  printf 'x' > unreadable.yaml && chmod 000 unreadable.yaml
  run unreadable-spec 4 compile unreadable.yaml -o no
elif command -v setpriv > /dev/null; then
  # A copy: a checkout below /root is out of nobody's reach.
  chmod 755 "$scratch" && cp "$airtight" program && chmod 755 program
  printf 'x' > unreadable.yaml && chmod 000 unreadable.yaml
  nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  cp "$spec" readable.yaml && chmod 644 readable.yaml
  run closed-directory 4 "${nobody[@]}" ./program compile readable.yaml -o closed/out "${at[@]}"
  says closed-directory err.txt "error[AT-F602]: cannot be written: Permission denied"
  run unreadable-spec 4 "${nobody[@]}" ./program compile unreadable.yaml -o no "${at[@]}"
  says unreadable-spec err.txt "unreadable.yaml: error[AT-F601]: cannot be read: Permission denied"
else
  skip closed-directory "root writes everywhere, and there is no setpriv"
fi
verdict closed-directory "$(whole closed/out > /dev/null; echo $?)" "the old output changed"
verdict nothing-written "$([ ! -e no ]; echo $?)" "a refused spec wrote its output"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
