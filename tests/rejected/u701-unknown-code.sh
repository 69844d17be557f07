"$AIRTIGHT" --explain AT-S213x
