"$AIRTIGHT" completion
