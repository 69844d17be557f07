"$AIRTIGHT" compile parts/accepted.yaml -o "$DIR/out" > /dev/null || exit
cd "$DIR/out" || exit
sed -i 's/port: 8080/port: 9090/' networkpolicy/*.yaml
sed -i 's/"owner": *"security"/"owner":"nobody"/' policy.json
echo '# a hole' > networkpolicy/extra.yaml
rm manifest.json
cd - > /dev/null || exit
"$AIRTIGHT" compile parts/accepted.yaml -o "$DIR/out" --check
