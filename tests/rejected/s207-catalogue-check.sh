"$AIRTIGHT" catalogue check 'api openai.com'
