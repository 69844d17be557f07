"$AIRTIGHT" comple parts/accepted.yaml -o "$DIR/out"
