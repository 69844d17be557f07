echo "somebody's notes" > "$DIR/notes"
"$AIRTIGHT" compile parts/accepted.yaml -o "$DIR/notes/out"
status=$?
cat "$DIR/notes"
exit "$status"
