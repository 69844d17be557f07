printf '$ORIGIN rpz.\n@ SOA a. b. ( 1 2 3' >"$DIR/cut.zone"
printf 'table inet t {\n  chain c {\n    type filter hook output priority 0; policy drop\n' >"$DIR/cut.nft"
"$AIRTIGHT" verify "$DIR/cut.zone"
"$AIRTIGHT" verify "$DIR/cut.nft"
