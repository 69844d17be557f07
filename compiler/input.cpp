#include "compiler/input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
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

}  // namespace

std::optional<std::string> read_bytes(const std::string& path, std::size_t limit, std::string_view expected,
                                      Diagnostics& diagnostics) {
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
        .expect(std::string(expected))
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
    if (text.size() > limit) {
      diagnostics.error(Code::TooBig, path, "the file has more than " + std::to_string(limit) + " bytes")
          .expect("at most " + std::to_string(limit) + " bytes");
      return std::nullopt;
    }
  }
  return text;
}

bool write_text_file(const std::string& path, std::string_view text, Diagnostics& diagnostics) {
  const auto failed = [&](int error) {
    diagnostics.error(Code::CannotWrite, path, "cannot be written: " + std::generic_category().message(error));
    return false;
  };
  // What is there and no regular file (a pipe, /dev/stdout, a link) is written to, never replaced.
  struct stat status {};
  const bool in_place = ::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
  const std::string temporary = in_place ? path : path + ".airtight-new";
  const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) return failed(errno);
  while (!text.empty()) {
    const ssize_t count = ::write(file.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      if (!in_place) ::unlink(temporary.c_str());
      return failed(error);
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    const int error = errno;
    if (!in_place) ::unlink(temporary.c_str());
    return failed(error);
  }
  if (!in_place && ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    if (!in_place) ::unlink(temporary.c_str());
    return failed(error);
  }
  return true;
}

namespace {

std::optional<std::uint32_t> read_file(const std::string& path, Sources& sources, Diagnostics& diagnostics) {
  std::optional<std::string> text = read_bytes(path, kMaxFileBytes, "a spec file", diagnostics);
  if (!text) return std::nullopt;
  return sources.add(path == "-" ? "<stdin>" : path, *std::move(text));
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
