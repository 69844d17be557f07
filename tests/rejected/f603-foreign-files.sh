mkdir -p "$DIR/out/notes"
echo keep > "$DIR/out/notes/mine.txt"
for i in 1 2 3 4 5 6 7 8; do echo "$i" > "$DIR/out/$i"; done
printf 'x' > "$DIR/out/$(printf 'a\033[2Jb')"
"$AIRTIGHT" compile parts/accepted.yaml -o "$DIR/out"
status=$?
find "$DIR/out" -type f | wc -l
exit "$status"
