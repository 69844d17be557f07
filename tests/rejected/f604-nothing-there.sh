"$AIRTIGHT" compile parts/accepted.yaml -o "$DIR/out" --check
