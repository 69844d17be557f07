# A scalar of 1 MB: made here, so that the tree does not carry it.
{
  printf 'apiVersion: airtight.dev/v1\nkind: IsolationSpec\nmetadata: {owner: "'
  head -c 1000000 /dev/zero | tr '\0' 'x'
  printf '"}\n'
} > "$DIR/spec.yaml"
"$AIRTIGHT" compile "$DIR/spec.yaml" -o "$DIR/out"
