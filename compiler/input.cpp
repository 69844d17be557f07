#include "compiler/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "compiler/spec/catalogue_reader.h"
#include "compiler/spec/yaml.h"

namespace airtight {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

void cannot_read(const std::string& path, int error, Diagnostics& diagnostics) {
  diagnostics.error(Code::CannotRead, path, "cannot be read: " + std::generic_category().message(error));
}

std::optional<std::uint32_t> read_file(const std::string& path, Sources& sources, Diagnostics& diagnostics) {
  const bool standard_input = path == "-";
  const Descriptor file(standard_input ? STDIN_FILENO
                                       : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) {
    cannot_read(path, errno, diagnostics);
    return std::nullopt;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    cannot_read(path, errno, diagnostics);
    return std::nullopt;
  }
  // A pipe given as /dev/fd/N is how shells hand over a generated spec; devices and directories are mistakes.
  if (!standard_input && !S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    diagnostics.error(Code::NotARegularFile, path, S_ISDIR(status.st_mode) ? "is a directory" : "is no regular file")
        .expect("a spec file")
        .help(S_ISDIR(status.st_mode) ? "name the files in it, each as an argument of its own" : "");
    return std::nullopt;
  }
  if (S_ISFIFO(status.st_mode)) ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count == 0) break;
    if (count < 0) {
      if (errno == EINTR) continue;
      cannot_read(path, errno, diagnostics);
      return std::nullopt;
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kMaxFileBytes) {
      diagnostics.error(Code::TooBig, path, "the file has more than " + std::to_string(kMaxFileBytes) + " bytes")
          .expect("at most " + std::to_string(kMaxFileBytes) + " bytes");
      return std::nullopt;
    }
  }
  return sources.add(standard_input ? "<stdin>" : path, std::move(text));
}

}  // namespace

std::vector<std::uint32_t> read_specs(const std::vector<std::string>& paths, Sources& sources,
                                      Diagnostics& diagnostics) {
  std::vector<std::uint32_t> ids;
  std::vector<std::filesystem::path> seen;
  for (const std::string& path : paths) {
    std::error_code error;
    const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
    if (std::find(seen.begin(), seen.end(), real) != seen.end()) {
      diagnostics.error(Code::Usage, path, "the file is given twice");
      continue;
    }
    seen.push_back(real);
    if (const std::optional<std::uint32_t> id = read_file(path, sources, diagnostics)) ids.push_back(*id);
  }
  return ids;
}

std::optional<Rules> read_rules_directory(const std::string& directory, Sources& sources, Diagnostics& diagnostics) {
  std::error_code error;
  std::vector<std::string> paths;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
    if (entry->path().extension() == ".yaml") paths.push_back(entry->path().string());
  if (error) {
    diagnostics.error(Code::CannotRead, directory, "cannot be read: " + error.message());
    return std::nullopt;
  }
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) {
    diagnostics.error(Code::BadCatalogue, directory, "holds no *.yaml file").help("start from a copy of rules/");
    return std::nullopt;
  }
  const std::size_t before = diagnostics.errors();
  std::vector<std::uint32_t> ids;
  for (const std::string& path : paths)
    if (const std::optional<std::uint32_t> id = read_file(path, sources, diagnostics)) ids.push_back(*id);
  if (diagnostics.errors() != before) return std::nullopt;
  std::optional<Rules> rules = read_rules(ids, sources, diagnostics);
  if (rules && rules->registries.size() < 2)
    diagnostics.error(Code::BadCatalogue, directory, "lacks the IANA special-purpose registries")
        .expect("a registry file for IPv4 and one for IPv6")
        .help("start from a copy of rules/");
  return diagnostics.errors() == before ? std::move(rules) : std::nullopt;
}

}  // namespace airtight
