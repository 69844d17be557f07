// What a plain YAML scalar means to an API client: the rules of sigs.k8s.io/yaml (goyaml.v2, YAML 1.1) that turn YAML
// into JSON. y/n, yes/no and on/off are booleans, unlike in goyaml.v3.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compiler/verify/document.h"

namespace airtight::verify {

struct Scalar {
  Value::Kind kind = Value::Kind::Null;
  std::string text;  // as Value::text
};

// nullopt: infinity or not-a-number, which JSON cannot say.
std::optional<Scalar> resolve_plain(std::string_view text);

// A plain scalar as a key: booleans and numbers become their text. nullopt: null.
std::optional<std::string> resolve_plain_key(std::string_view text);

// Appends the character in UTF-8; false for a surrogate or what is beyond Unicode.
bool append_utf8(std::string& text, std::uint32_t code_point);

}  // namespace airtight::verify
