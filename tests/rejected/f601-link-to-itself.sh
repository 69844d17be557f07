ln -s loop "$DIR/loop"
"$AIRTIGHT" compile "$DIR/loop" -o "$DIR/out"
