// Text of Kubernetes objects as a careful person writes it: block style, two spaces, quotes only where YAML needs them.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "compiler/policy/policy.h"

namespace airtight {

// Plain where every YAML 1.1 and 1.2 reader takes the text for exactly this string; double-quoted and escaped otherwise
// (yes, 1.29, 2027-06-30, 0x1f, fd00::/8, the empty string). `text` is UTF-8.
std::string yaml_scalar(std::string_view text);

// "key: value" lines in the order of keys, each with `indent` spaces before it.
void append_yaml_map(std::string& out, const Labels& map, int indent);

// Document start, apiVersion, kind and metadata, with the two labels by which objects that are no longer made are found
// and pruned. An empty `ns` makes a cluster-scoped object.
std::string object_head(const Policy& policy, std::string_view api_version, std::string_view kind,
                        std::string_view name, std::string_view ns);

// Names of objects of one kind in one namespace: DNS subdomains (RFC 1123 §2.1, at most 253 characters), never twice
// the same.
class ObjectNames {
 public:
  // "airtight-" and the text, folded to what a name may hold; a number is appended where that is taken.
  std::string make(std::string_view text);

 private:
  std::set<std::string> taken_;
};

}  // namespace airtight
