// airtight: flags to calls. The only file of the compiler that prints and exits.
#include <malloc.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <new>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cli/completion.h"
#include "cli/terminal.h"
#include "compiler/builtin.h"
#include "compiler/catalogue_view.h"
#include "compiler/emit/target.h"
#include "compiler/input.h"
#include "compiler/output_directory.h"
#include "compiler/policy/diagnostic.h"
#include "compiler/spec/resolve.h"
#include "compiler/verify/rule_table.h"
#include "compiler/verify_commands.h"

namespace {

using namespace airtight;

// DESIGN §5: done, findings, bad usage or input, environment. 3, inconclusive, comes from the verifier alone.
enum Exit { kDone = 0, kFindings = 1, kBadInput = 2, kEnvironment = 4 };

constexpr const char* kAbout =
    "airtight turns one isolation spec into everything that keeps an air-gapped Kubernetes deployment sealed:\n"
    "NetworkPolicies, nftables rules and a blocking DNS zone that deny every address and name outside the boundary.\n"
    "Then it proves, from what will be deployed, that no packet gets out, or shows one that does.";

constexpr const char* kExamples =
    "Examples:\n"
    "  airtight compile isolation.yaml -o out          write policies, firewall rules and DNS zones to out/\n"
    "  airtight compile base.yaml site.yaml -o out     several files make one spec\n"
    "  airtight compile isolation.yaml -o out --check  exit 1 if out/ is not what the spec compiles to\n"
    "  airtight verify --spec isolation.yaml out       is it sealed? proven, violated or inconclusive\n"
    "  airtight verify manifests/ ruleset.json         the same of anybody's artifacts, for private addresses\n"
    "  airtight diff old/ new/                         what a change opens; exit 1 if a way out was gained\n"
    "  airtight catalogue check api.openai.com         which lists name it\n"
    "  airtight --explain AT-V001                      a finding or a diagnostic, in words\n\n"
    "Exit codes: 0 done; 1 findings (--check: output differs); 2 bad usage or input; 3 inconclusive;\n"
    "4 environment or I/O failure. Results go to standard output, everything else to standard error.";

// Standard output counts: a full disk behind a redirection is an I/O failure, not success.
bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

int printed(std::string_view text) {
  if (print(text)) return kDone;
  std::fprintf(stderr, "airtight: error[%s]: standard output cannot be written: %s\n",
               std::string(info(Code::CannotWrite).id).c_str(), std::strerror(errno));
  return kEnvironment;
}

Date today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return {utc.tm_year + 1900, static_cast<unsigned>(utc.tm_mon + 1), static_cast<unsigned>(utc.tm_mday)};
}

std::string version_text() {
  return "airtight " AIRTIGHT_VERSION
         "\n"
         "compiler      "
#if defined(__clang__)
         "clang " __clang_version__
#else
         "gcc " __VERSION__
#endif
         "\nyaml-cpp      " AIRTIGHT_YAML_CPP_VERSION "\nnlohmann-json " +
         std::to_string(NLOHMANN_JSON_VERSION_MAJOR) + "." + std::to_string(NLOHMANN_JSON_VERSION_MINOR) + "." +
         std::to_string(NLOHMANN_JSON_VERSION_PATCH) + "\nCLI11         " CLI11_VERSION "\nOpenSSL       " +
         std::string(OpenSSL_version(OPENSSL_VERSION_STRING)) + "\n";
}

struct Options {
  std::vector<std::string> specs;
  std::string directory;
  std::vector<std::string> targets;
  bool check = false;
  bool force = false;
  std::string at;
  std::string rules;
  std::string format = "text";
  std::string catalogue;
  std::string subject;
  std::string shell;
  std::string schema = "spec";
  std::string explain;
  VerifyOptions verify;

  bool json() const { return format == "json"; }
};

// The exit code that the worst diagnostic asks for.
int exit_code(const Diagnostics& diagnostics) {
  int code = kDone;
  for (const Diagnostic& diagnostic : diagnostics.sorted()) {
    if (diagnostic.severity != Severity::Error) continue;
    switch (diagnostic.code) {
      case Code::CannotRead:
      case Code::CannotWrite:
        return kEnvironment;
      case Code::Stale:
        code = std::max<int>(code, kFindings);
        break;
      default:
        code = kBadInput;
    }
  }
  return code;
}

// Text goes to standard error. JSON is the result of the command and goes to standard output, alone there.
int report(const Diagnostics& diagnostics, const Sources& sources, bool json) {
  if (json) {
    if (const int code = printed(render_json(diagnostics, sources)); code != kDone) return code;
  } else if (!diagnostics.empty()) {
    const std::string text = render_text(diagnostics, sources, colour_wanted(STDERR_FILENO));
    std::fwrite(text.data(), 1, text.size(), stderr);
    if (const std::size_t errors = diagnostics.errors(); errors > 1) std::fprintf(stderr, "%zu errors\n", errors);
  }
  return exit_code(diagnostics);
}

std::optional<Rules> load_rules(const Options& options, Sources& sources, Diagnostics& diagnostics) {
  return options.rules.empty() ? builtin_rules() : read_rules_directory(options.rules, sources, diagnostics);
}

std::vector<TargetId> wanted_targets(const Options& options, const Policy& policy) {
  std::vector<TargetId> ids;
  for (const RequestedTarget& target : policy.targets) ids.push_back(target.id);
  if (!options.targets.empty()) {
    ids.clear();
    for (const std::string& name : options.targets) ids.push_back(parse_target(name).value());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  return ids;
}

// The day of --at, today without it; an error if it is none.
Date day(const Options& options, Diagnostics& diagnostics) {
  if (options.at.empty()) return today();
  const std::optional<Date> given = Date::parse(options.at);
  if (!given)
    diagnostics.error(Code::BadDate, std::string("--at"), airtight::quoted(options.at) + " is no date")
        .expect("YYYY-MM-DD, a day that exists");
  return given.value_or(Date());
}

int compile(const Options& options) {
  Sources sources;
  Diagnostics diagnostics;
  if (options.directory.empty()) {
    diagnostics.error(Code::Usage, std::string("--output"), "the name of the output directory is empty");
    return report(diagnostics, sources, options.json());
  }
  const Date at = day(options, diagnostics);
  if (diagnostics.has_errors()) return report(diagnostics, sources, options.json());
  const std::vector<std::uint32_t> files = read_specs(options.specs, sources, diagnostics);
  const std::optional<Rules> rules = load_rules(options, sources, diagnostics);
  if (!rules || diagnostics.has_errors()) return report(diagnostics, sources, options.json());
  const std::optional<Policy> policy = read_policy(files, *rules, at, sources, diagnostics);
  if (!policy) return report(diagnostics, sources, options.json());
  ::malloc_trim(
      0);  // a big boundary leaves tens of megabytes of freed names, which the artifacts' large blocks cannot use
  const std::vector<TargetId> wanted = wanted_targets(options, *policy);
  check_targets(*policy, wanted, diagnostics);
  if (diagnostics.has_errors()) return report(diagnostics, sources, options.json());
  const std::vector<OutputFile> output = output_files(*policy, emit_targets(*policy, wanted), AIRTIGHT_VERSION);
  if (options.check)
    compare(options.directory, output, diagnostics);
  else
    publish(options.directory, output, options.force, diagnostics);
  const int code = report(diagnostics, sources, options.json());
  if (code != kDone || options.json()) return code;
  std::string text;
  if (options.check) {
    text = options.directory + " is what the spec compiles to: " + std::to_string(output.size()) + " files, " +
           policy->spec_digest + "\n";
  } else {
    text = "Spec " + policy->name + ", " + policy->spec_digest + "\n";
    for (const OutputFile& file : output) text += "  " + options.directory + "/" + file.path + "\n";
    if (!policy->exceptions.empty())
      text += std::to_string(policy->exceptions.size()) + " exceptions let traffic out of the boundary\n";
  }
  return printed(text);
}

int catalogue(const Options& options, std::string_view verb) {
  Sources sources;
  Diagnostics diagnostics;
  const std::optional<Rules> rules = load_rules(options, sources, diagnostics);
  if (!rules) return report(diagnostics, sources, options.json());
  std::optional<std::string> text;
  if (verb == "list") text = list_catalogues(*rules, options.json());
  if (verb == "show") text = show_catalogue(*rules, options.catalogue, options.json(), diagnostics);
  if (verb == "check") text = check_catalogues(*rules, options.subject, options.json(), diagnostics);
  if (!text) return report(diagnostics, sources, options.json());
  return printed(*text);
}

// The commands that read artifacts. Errors go to standard error in every format: standard output holds the answer
// alone.
template <class Command>
int answer(Options options, const Command& command) {
  Sources sources;
  Diagnostics diagnostics;
  options.verify.at = day(options, diagnostics);
  options.verify.format = options.format;
  options.verify.colour = colour_wanted(STDOUT_FILENO);
  const std::optional<Rules> rules = load_rules(options, sources, diagnostics);
  std::optional<Answer> result;
  if (rules && !diagnostics.has_errors()) result = command(options.verify, *rules, sources, diagnostics);
  if (!result) return report(diagnostics, sources, options.json());
  for (const std::string& note : result->notes) std::fprintf(stderr, "airtight: note: %s\n", printable(note).c_str());
  const int code = printed(result->text);
  return code == kDone ? result->code : code;
}

int explain(const std::string& id) {
  std::string_view found_id, title, explanation;
  if (const std::optional<CodeInfo> code = find_code(id))
    std::tie(found_id, title, explanation) = std::tie(code->id, code->title, code->explanation);
  else if (const std::optional<verify::RuleInfo> rule = verify::find_rule(id))
    std::tie(found_id, title, explanation) = std::tie(rule->id, rule->title, rule->explanation);
  if (found_id.empty()) {
    std::vector<std::string_view> ids;
    for (const CodeInfo& row : code_table()) ids.push_back(row.id);
    for (const verify::RuleInfo& row : verify::rule_table()) ids.push_back(row.id);
    Diagnostics diagnostics;
    Diagnostic& error =
        diagnostics
            .error(Code::Usage, std::string("--explain"), airtight::quoted(id) + " is no diagnostic code or rule")
            .expect("a code as AT-S203 or AT-V001");
    if (const std::string_view near = nearest(id, ids); !near.empty())
      error.help("did you mean '" + std::string(near) + "'?");
    return report(diagnostics, Sources(), false);
  }
  return printed(std::string(found_id) + ": " + std::string(title) + "\n\n" + std::string(explanation) + "\n");
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app{kAbout, "airtight"};
  app.set_version_flag("--version", version_text(), "Print the version, the compiler and the libraries");
  app.footer(kExamples);
  app.require_subcommand(0, 1);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "airtight: error[" + std::string(info(Code::Usage).id) + "]: " + error.what() +
           "\n  help: airtight --help shows what it takes\n";
  });
  app.add_option("--explain", options.explain, "Explain a diagnostic code in words")->type_name("CODE");

  std::vector<std::string> target_words;
  for (const std::string_view name : target_names()) target_words.emplace_back(name);
  const auto add_format = [&](CLI::App* command) {
    command->add_option("--format", options.format, "How results and diagnostics are printed")
        ->check(CLI::IsMember({"text", "json"}))
        ->type_name("FORMAT");
  };
  const auto add_rules = [&](CLI::App* command) {
    command->add_option("--rules", options.rules, "Catalogues and registries in place of the built-in ones")
        ->type_name("DIR");
  };

  CLI::App* compile_command =
      app.add_subcommand("compile", "Compile a spec into policies, firewall rules and DNS zones");
  compile_command->add_option("SPEC", options.specs, "Spec files; several are merged, - is standard input")
      ->required()
      ->type_name("");
  compile_command->add_option("-o,--output", options.directory, "Output directory, replaced as a whole")
      ->required()
      ->type_name("DIR");
  compile_command
      ->add_option("-t,--target", options.targets, "Only this target, in place of the spec's list; may be repeated")
      ->check(CLI::IsMember(target_words))
      ->type_name("TARGET")
      ->allow_extra_args(false);
  compile_command->add_flag("--check", options.check,
                            "Write nothing; exit 1 and say how, if DIR differs from the spec");
  compile_command->add_flag("--force", options.force, "Write although DIR holds files of somebody else; they are kept");
  compile_command->add_option("--at", options.at, "The day by which exceptions expire (default: today, UTC)")
      ->type_name("YYYY-MM-DD");
  add_rules(compile_command);
  add_format(compile_command);
  compile_command->footer(
      "DIR holds policy.json, manifest.json with the digest of every file, and one folder a target. Nothing is "
      "written\n"
      "when anything in the spec is wrong; a kill at any moment leaves the old output or the new one.");

  const auto add_question = [&](CLI::App* command) {
    command
        ->add_option("--spec", options.verify.specs,
                     "Hold the artifacts against this spec; may be repeated, files are merged")
        ->type_name("SPEC")
        ->allow_extra_args(false);
    command->add_option("--policy", options.verify.policy, "The same, from a policy.json that compile wrote")
        ->type_name("FILE");
    command->add_option("--at", options.at, "The day by which exceptions expire (default: today, UTC)")
        ->type_name("YYYY-MM-DD");
    command
        ->add_option("--inside", options.verify.inside,
                     "Without a spec: what is inside (default: RFC 1918 and fc00::/7, less clouds' own addresses); may "
                     "be repeated")
        ->type_name("CIDR")
        ->allow_extra_args(false);
    add_rules(command);
  };
  const auto add_artifacts = [&](CLI::App* command, bool required) {
    CLI::Option* paths = command->add_option(
        "PATH", options.verify.paths,
        "Artifacts: manifests, rulesets, zones; folders are read with all below; - is standard input");
    paths->type_name("");
    if (required) paths->required();
    command->add_option("--namespace", options.verify.ns, "Where manifests without a namespace go (default: default)")
        ->type_name("NS");
  };
  const auto add_formats = [&](CLI::App* command, std::vector<std::string> formats) {
    command->add_option("--format", options.format, "How the answer is printed")
        ->check(CLI::IsMember(std::move(formats)))
        ->type_name("FORMAT");
  };

  CLI::App* verify_command_line =
      app.add_subcommand("verify", "Prove that artifacts let no packet out, or show one that gets out");
  add_artifacts(verify_command_line, true);
  add_question(verify_command_line);
  verify_command_line->add_flag(
      "--every-pod", options.verify.every_pod,
      "Judge every pod that could be created in the input's namespaces, not only those in it");
  verify_command_line
      ->add_option("--obligation", options.verify.obligation,
                   "Write the rules as read and the claim as SMT-LIB 2, for z3 or another solver to check")
      ->type_name("FILE");
  add_formats(verify_command_line, {"text", "json", "sarif", "junit"});
  verify_command_line->footer(
      "Reads NetworkPolicies, AdminNetworkPolicies, ClusterNetworkPolicies, Cilium's and Calico's policies, "
      "workloads,\n"
      "Services, nftables text and `nft -j list ruleset`, iptables-save, RPZ zones and named.conf, told by content.\n"
      "Exit 0: proven and nothing found; 1: violated, or any finding; 3: inconclusive, what was not understood is "
      "named.");

  CLI::App* connections_command_line =
      app.add_subcommand("connections", "List every connection that the policies permit");
  add_artifacts(connections_command_line, true);
  add_formats(connections_command_line, {"text", "json", "csv", "dot", "html"});

  CLI::App* explain_command_line =
      app.add_subcommand("explain", "Say which rule of which layer decides for one connection, and why");
  add_artifacts(explain_command_line, false);
  add_question(explain_command_line);
  explain_command_line->add_option("--from", options.verify.from, "A workload (name, NS/NAME), `nodes`, or an address")
      ->required()
      ->type_name("W");
  explain_command_line
      ->add_option("--to", options.verify.to,
                   "A workload, an endpoint of the spec, or an address (IPv6 before a port in brackets)")
      ->required()
      ->type_name("D[:PORT[/PROTO]]");
  add_formats(explain_command_line, {"text", "json"});

  CLI::App* diff_command_line =
      app.add_subcommand("diff", "Compare artifacts by meaning: connections and ways out gained and lost");
  diff_command_line->add_option("OLD", options.verify.before, "A file or a folder")->required()->type_name("");
  diff_command_line->add_option("NEW", options.verify.after, "A file or a folder")->required()->type_name("");
  add_question(diff_command_line);
  diff_command_line
      ->add_option("--namespace", options.verify.ns, "Where manifests without a namespace go (default: default)")
      ->type_name("NS");
  add_formats(diff_command_line, {"text", "json", "markdown"});
  diff_command_line->footer("Exit 1 if any way out was gained, 3 if something was not understood, else 0.");

  CLI::App* catalogue_command = app.add_subcommand("catalogue", "Look at the lists of outside names and addresses");
  catalogue_command->require_subcommand(1);
  CLI::App* list_command = catalogue_command->add_subcommand("list", "Name every catalogue and registry");
  CLI::App* show_command =
      catalogue_command->add_subcommand("show", "Print one, with the source and date of each entry");
  std::vector<std::string> catalogue_words;
  const Rules builtin = builtin_rules();
  std::string catalogue_list;
  for (const Catalogue& known : builtin.catalogues) catalogue_list += (catalogue_list.empty() ? "" : ",") + known.name;
  for (const Registry& known : builtin.registries) catalogue_list += "," + known.name;
  show_command->add_option("NAME", options.catalogue, "Its name")->required()->type_name("{" + catalogue_list + "}");
  CLI::App* check_command =
      catalogue_command->add_subcommand("check", "Say which entries name an address or a domain name");
  check_command->add_option("SUBJECT", options.subject, "An IP address, a prefix or a name")
      ->required()
      ->type_name("NAME-OR-ADDRESS");
  for (CLI::App* command : {list_command, show_command, check_command}) {
    add_rules(command);
    add_format(command);
  }

  CLI::App* schema_command = app.add_subcommand(
      "schema", "Print a JSON Schema: of the language (for editors), or of a file that airtight writes");
  schema_command->add_option("NAME", options.schema, "Which: spec by default")
      ->check(CLI::IsMember(
          {"spec", "policy", "manifest", "diagnostics", "report", "connections", "difference", "explanation"}))
      ->type_name("NAME");

  CLI::App* completion_command = app.add_subcommand("completion", "Print a completion script for a shell");
  completion_command->add_option("SHELL", options.shell, "Which shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");

  // CLI11 takes a misspelt command for arguments too many and lists them backwards.
  if (argc > 1 && argv[1][0] != '-') {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    const std::vector<std::string_view> known(names.begin(), names.end());
    if (std::find(known.begin(), known.end(), argv[1]) == known.end()) {
      Diagnostics diagnostics;
      Diagnostic& error =
          diagnostics.error(Code::Usage, std::string("airtight"), airtight::quoted(argv[1]) + " is no command");
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      error.expect(list);
      if (const std::string_view near = nearest(argv[1], known); !near.empty())
        error.help("did you mean '" + std::string(near) + "'?");
      return report(diagnostics, Sources(), false);
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& call) {
    return printed(call.what() + std::string());
  } catch (const CLI::Success& call) {  // --help
    return app.exit(call) == 0 ? printed("") : kEnvironment;
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kBadInput;
  }
  if (!options.explain.empty()) return explain(options.explain);
  if (compile_command->parsed()) return compile(options);
  if (verify_command_line->parsed()) return answer(options, verify_command);
  if (connections_command_line->parsed())
    return answer(options, [](const VerifyOptions& given, const Rules&, Sources& sources, Diagnostics& diagnostics) {
      return connections_command(given, sources, diagnostics);
    });
  if (explain_command_line->parsed()) return answer(options, explain_command);
  if (diff_command_line->parsed()) return answer(options, diff_command);
  if (list_command->parsed()) return catalogue(options, "list");
  if (show_command->parsed()) return catalogue(options, "show");
  if (check_command->parsed()) return catalogue(options, "check");
  if (schema_command->parsed()) return printed(schema(options.schema));
  if (completion_command->parsed()) return printed(completion_script(app, options.shell));
  std::fputs(app.help().c_str(), stderr);
  return kBadInput;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("airtight: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "airtight: internal error: %s\n", error.what());
  }
  return kEnvironment;
}
