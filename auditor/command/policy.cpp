#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>

#include "auditor/command/command.h"
#include "auditor/policy_show.h"
#include "auditor/schema.h"

namespace airtight::audit {

void add_policy(CLI::App& app, Chosen& chosen) {
  CLI::App* policy_line = app.add_subcommand("policy", "Look at a policy.json");
  policy_line->require_subcommand(1);
  CLI::App* show_line = policy_line->add_subcommand("show", "Check its digest and print it for people");
  auto path = std::make_shared<std::string>();
  show_line->add_option("FILE", *path, "policy.json; - is standard input")->required()->type_name("");
  show_line->callback([path, &chosen] {
    chosen = [path] {
      int code = kDone;
      const std::optional<Policy> policy = load_policy(*path, code);
      return policy ? printed(render_policy(*policy)) : code;
    };
  });

  CLI::App* schema_line = app.add_subcommand("schema", "Print a JSON Schema of what this program reads or writes");
  auto name = std::make_shared<std::string>("replay");
  schema_line->add_option("NAME", *name, "Which: replay by default")
      ->check(CLI::IsMember({"replay", "report", "agent", "policy"}))
      ->type_name("NAME");
  schema_line->callback([name, &chosen] { chosen = [name] { return printed(schema(*name)); }; });
}

}  // namespace airtight::audit
