"$AIRTIGHT" compile /dev/zero -o "$DIR/out"
