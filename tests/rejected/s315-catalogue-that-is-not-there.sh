"$AIRTIGHT" catalogue show hosted-lm
