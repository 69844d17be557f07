#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace airtight {
namespace {

struct Option {
  std::string flag;  // "--target"
  std::string help;
  std::vector<std::string> words;  // closed list of values
  bool takes_value = false;
};

struct Command {
  std::string name;
  std::string help;
  std::vector<Option> options;
  std::vector<Command> commands;
  std::vector<std::string> words;  // closed list of the first positional
};

// CLI11's own description of a closed list is "{a,b,c}".
std::vector<std::string> closed_list(const std::string& type) {
  std::vector<std::string> words;
  const std::size_t open = type.find('{'), close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return words;
  std::string word;
  for (const char c : type.substr(open + 1, close - open - 1)) {
    if (c == ',')
      words.push_back(std::move(word)), word.clear();
    else
      word += c;
  }
  words.push_back(word);
  return words;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Command describe(const CLI::App& app) {
  Command command{app.get_name(), first_line(app.get_description()), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    std::vector<std::string> words;
    if (const auto validator = option->get_type_name(); !validator.empty()) words = closed_list(validator);
    if (option->get_lnames().empty()) {
      if (command.words.empty()) command.words = words;
      continue;
    }
    for (const std::string& name : option->get_lnames())
      command.options.push_back(
          {"--" + name, first_line(option->get_description()), words, option->get_items_expected_max() > 0});
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    command.commands.push_back(describe(*sub));
  return command;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

void bash_cases(const Command& command, const std::string& path, std::string& out) {
  std::vector<std::string> words;
  for (const Command& sub : command.commands) words.push_back(sub.name);
  words.insert(words.end(), command.words.begin(), command.words.end());
  std::vector<std::string> flags;
  for (const Option& option : command.options) {
    flags.push_back(option.flag);
    if (option.takes_value)
      out += "    '" + path + " " + option.flag + "') " +
             (option.words.empty() ? "COMPREPLY=($(compgen -f -- \"$current\"))"
                                   : "COMPREPLY=($(compgen -W '" + joined(option.words) + "' -- \"$current\"))") +
             "; return ;;\n";
  }
  out += "    '" + path + "') words='" + joined(words) + "' flags='" + joined(flags) + "' ;;\n";
  for (const Command& sub : command.commands) bash_cases(sub, path + " " + sub.name, out);
}

std::string bash(const Command& root) {
  std::string cases;
  bash_cases(root, root.name, cases);
  std::string known;
  const auto collect = [&](const auto& self, const Command& command, const std::string& path) -> void {
    known += "|'" + path + "'";
    for (const Command& sub : command.commands) self(self, sub, path + " " + sub.name);
  };
  for (const Command& sub : root.commands) collect(collect, sub, root.name + " " + sub.name);
  return "# bash completion for " + root.name +
         "; source it, or put it where bash-completion looks\n"
         "_" +
         root.name +
         "() {\n"
         "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" path='" +
         root.name +
         "' words='' flags='' i\n"
         "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
         "    case \"$path ${COMP_WORDS[i]}\" in\n"
         "      " +
         known.substr(1) +
         ") path+=\" ${COMP_WORDS[i]}\" ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path $previous\" in\n" +
         [&] {
           std::string values;
           std::size_t at = 0;
           while (at < cases.size()) {
             const std::size_t end = cases.find('\n', at);
             const std::string line = cases.substr(at, end - at);
             if (line.find("COMPREPLY") != std::string::npos) values += line + "\n";
             at = end + 1;
           }
           return values;
         }() +
         "  esac\n"
         "  case \"$path\" in\n" +
         [&] {
           std::string paths;
           std::size_t at = 0;
           while (at < cases.size()) {
             const std::size_t end = cases.find('\n', at);
             const std::string line = cases.substr(at, end - at);
             if (line.find("COMPREPLY") == std::string::npos) paths += line + "\n";
             at = end + 1;
           }
           return paths;
         }() +
         "  esac\n"
         "  if [[ $current == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$flags\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "    if [[ -z $words ]]; then COMPREPLY+=($(compgen -f -- \"$current\")); fi\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _" +
         root.name + " " + root.name + "\n";
}

std::string escaped(const std::string& text, const std::string& special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

// Single quotes inside a single-quoted word of sh, zsh and bash.
std::string single(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out;
}

void zsh_function(const Command& command, const std::string& function, std::string& out) {
  std::string arguments;
  for (const Option& option : command.options)
    arguments +=
        "    '*" + option.flag + "[" + single(escaped(option.help, "[]:")) + "]" +
        (!option.takes_value ? std::string()
                             : ":value:" + (option.words.empty() ? "_files" : "(" + joined(option.words) + ")")) +
        "' \\\n";
  out += function + "() {\n";
  if (command.commands.empty()) {
    out += "  _arguments -s \\\n" + arguments +
           "    '*:argument:" + (command.words.empty() ? "_files" : "(" + joined(command.words) + ")") + "'\n}\n\n";
    return;
  }
  out +=
      "  local line state\n  _arguments -C \\\n" + arguments +
      "    '1:command:->command' '*::argument:->argument'\n  case $state in\n    command)\n      local -a commands=(\n";
  for (const Command& sub : command.commands)
    out += "        '" + sub.name + ":" + single(escaped(sub.help, ":")) + "'\n";
  out += "      )\n      _describe command commands ;;\n    argument)\n      case $line[1] in\n";
  for (const Command& sub : command.commands) out += "        " + sub.name + ") " + function + "_" + sub.name + " ;;\n";
  out += "      esac ;;\n  esac\n}\n\n";
  for (const Command& sub : command.commands) zsh_function(sub, function + "_" + sub.name, out);
}

std::string zsh(const Command& root) {
  std::string out = "#compdef " + root.name + "\n\n";
  zsh_function(root, "_" + root.name, out);
  return out + "if [ \"$funcstack[1]\" = _" + root.name + " ]; then _" + root.name + " \"$@\"; else compdef _" +
         root.name + " " + root.name + "; fi\n";
}

void fish_lines(const Command& command, const std::string& program, const std::vector<std::string>& path,
                std::string& out) {
  std::string condition = path.empty() ? "__fish_use_subcommand" : "";
  for (const std::string& name : path)
    condition += (condition.empty() ? "" : "; and ") + std::string("__fish_seen_subcommand_from ") + name;
  std::vector<std::string> names;
  for (const Command& sub : command.commands) names.push_back(sub.name);
  if (!path.empty() && !names.empty()) condition += "; and not __fish_seen_subcommand_from " + joined(names);
  for (const Command& sub : command.commands)
    out += "complete -c " + program + " -f -n '" + condition + "' -a " + sub.name + " -d '" + escaped(sub.help, "'\\") +
           "'\n";
  if (!command.words.empty())
    out += "complete -c " + program + " -f -n '" + condition + "' -a '" + joined(command.words) + "'\n";
  for (const Option& option : command.options)
    out += "complete -c " + program + " -n '" + condition + "' -l " + option.flag.substr(2) +
           (option.takes_value ? " -r" : "") + (option.words.empty() ? "" : " -f -a '" + joined(option.words) + "'") +
           " -d '" + escaped(option.help, "'\\") + "'\n";
  for (const Command& sub : command.commands) {
    std::vector<std::string> below = path;
    below.push_back(sub.name);
    fish_lines(sub, program, below, out);
  }
}

std::string fish(const Command& root) {
  std::string out = "# fish completion for " + root.name + "\n";
  fish_lines(root, root.name, {}, out);
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  const Command root = describe(app);
  if (shell == "bash") return bash(root);
  return shell == "zsh" ? zsh(root) : fish(root);
}

}  // namespace airtight
