#include "auditor/command/command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "auditor/evidence/disk.h"
#include "cli/terminal.h"

namespace airtight::audit {

namespace {

constexpr std::size_t kMaxPolicy = 256u << 20;  // bytes of a policy.json

}  // namespace

int failed(int code, const std::string& what, const std::string& help) {
  std::fprintf(stderr, "airtight-auditor: error: %s\n", what.c_str());
  if (!help.empty()) std::fprintf(stderr, "  help: %s\n", help.c_str());
  return code;
}

int printed(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return kDone;
  return failed(kEnvironment, std::string("standard output cannot be written: ") + std::strerror(errno));
}

std::optional<std::string> load_text(const std::string& path, std::size_t most, int& code) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "rb");
  const auto unreadable = [&] {
    code = failed(kEnvironment, path + " cannot be read: " + std::strerror(errno));
    if (file != nullptr && file != stdin) std::fclose(file);
    return std::nullopt;
  };
  if (file == nullptr) return unreadable();
  std::string text;
  std::vector<char> part(1u << 16);
  for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), file)) != 0;) {
    text.append(part.data(), got);
    if (text.size() <= most) continue;
    if (file != stdin) std::fclose(file);
    code = failed(kBadInput,
                  path + " is longer than " +
                      (most >> 20 != 0 ? std::to_string(most >> 20) + " MiB" : std::to_string(most) + " bytes"));
    return std::nullopt;
  }
  if (std::ferror(file) != 0) return unreadable();
  if (file != stdin) std::fclose(file);
  return text;
}

std::optional<Policy> load_policy(const std::string& path, int& code) {
  std::optional<std::string> text = load_text(path, kMaxPolicy, code);
  if (!text) return std::nullopt;
  Sources sources;
  Diagnostics diagnostics;
  const std::uint32_t source = sources.add(path, std::move(*text));
  std::optional<Policy> policy = parse_compiled_policy(source, sources, diagnostics);
  if (!policy) {
    const std::string errors = render_text(diagnostics, sources, colour_wanted(STDERR_FILENO));
    std::fwrite(errors.data(), 1, errors.size(), stderr);
    code = kBadInput;
  }
  return policy;
}

bool is_log(Disk& disk, const std::string& directory, int& code) {
  std::vector<std::string> names;
  if (const auto error = disk.list(directory, names)) {
    code = failed(
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory ? kBadInput : kEnvironment,
        directory + " cannot be read: " + error.message());
    return false;
  }
  for (const char* part : {"keys", "checkpoint", "seal", "tile", "tail"})
    if (std::find(names.begin(), names.end(), part) != names.end()) return true;
  code = failed(kBadInput, directory + " is no log: it has neither keys nor records",
                "a log is the directory that run was given with --state");
  return false;
}

}  // namespace airtight::audit
