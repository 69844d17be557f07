"$AIRTIGHT" catalogue check 10.0.0.1/33
