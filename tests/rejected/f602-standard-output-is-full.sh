"$AIRTIGHT" catalogue list > /dev/full
