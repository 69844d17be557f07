// A spec, what it compiles to, and what somebody did to that: the input of a judgement, as text.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "compiler/policy/policy.h"
#include "compiler/verify/finding.h"

namespace airtight::verify {

struct Compiled {
  std::map<std::string, std::string> files;
  std::shared_ptr<const Policy> policy;

  // Each fails the test if `what` is not there.
  Compiled& replace(const std::string& path, std::string_view what, std::string_view by);
  Compiled& add(const std::string& path, std::string text);
  Compiled& keep(std::string_view prefix);  // only files whose path starts so
  Report judged() const;
};

// A file of the tree, or the text of a spec itself.
Compiled compiled(const std::string& path);
Compiled compiled_text(const std::string& spec);

// One line a layer and one a finding that does something: "firewall violated", "AT-V001 violated pods 1.0.0.0".
std::string told(const Report&);

}  // namespace airtight::verify
