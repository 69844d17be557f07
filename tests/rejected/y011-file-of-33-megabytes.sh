head -c 33600000 /dev/zero | tr '\0' '#' > "$DIR/spec.yaml"
"$AIRTIGHT" compile "$DIR/spec.yaml" -o "$DIR/out"
