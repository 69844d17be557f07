// verify, connections, explain and diff: from what the user names to the text of the answer and its exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/policy/catalogue.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/policy/policy.h"

namespace airtight {

struct VerifyOptions {
  std::vector<std::string> paths;
  std::vector<std::string> specs;
  std::string policy;  // policy.json
  std::vector<std::string> inside;
  bool every_pod = false;
  std::string ns;
  std::string obligation;
  std::string format = "text";
  std::string from, to;       // explain
  std::string before, after;  // diff
  Date at;
  bool colour = false;
};

// nullopt: errors were added, and say why.
struct Answer {
  std::string text;
  int code = 0;
  std::vector<std::string> notes;  // for standard error
};
std::optional<Answer> verify_command(const VerifyOptions&, const Rules&, Sources&, Diagnostics&);
std::optional<Answer> connections_command(const VerifyOptions&, Sources&, Diagnostics&);
std::optional<Answer> explain_command(const VerifyOptions&, const Rules&, Sources&, Diagnostics&);
std::optional<Answer> diff_command(const VerifyOptions&, const Rules&, Sources&, Diagnostics&);

}  // namespace airtight
