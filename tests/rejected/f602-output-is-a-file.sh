echo "somebody's notes" > "$DIR/out"
"$AIRTIGHT" compile parts/accepted.yaml -o "$DIR/out"
status=$?
cat "$DIR/out"
exit "$status"
