"""Cases in which the product answers otherwise than it should, each with the reason; empty when all is well."""

KNOWN_WRONG = {}
