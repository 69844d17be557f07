#include "compiler/output_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>

#include "compiler/policy/compiled_policy.h"
#include "compiler/policy/json_canonical.h"

namespace airtight {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kManifest = "manifest.json";
constexpr std::size_t kListed = 8;  // paths named in one message

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::error_code last_error() { return {errno, std::generic_category()}; }

std::string digest_only(std::string_view content) {
  return digest_of(content).substr(std::string_view("sha256:").size());
}

std::optional<std::string> read_text(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(path, error))) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

// Every file below `root` (what is no directory), relative, sorted.
std::vector<std::string> files_below(const fs::path& root, std::error_code& error) {
  std::vector<std::string> out;
  for (auto entry = fs::recursive_directory_iterator(root, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (entry->is_symlink(error) || !entry->is_directory(error))
      out.push_back(entry->path().lexically_relative(root).generic_string());
  std::sort(out.begin(), out.end());
  return out;
}

// The paths that an earlier run wrote, by the manifest there; only the manifest's own name if there is none of ours.
std::set<std::string> listed_by_manifest(const fs::path& directory) {
  std::set<std::string> paths;
  const std::optional<std::string> text = read_text(directory / kManifest);
  if (!text) return paths;
  const Json manifest = Json::parse(*text, nullptr, false);
  if (!manifest.is_object() || manifest.value("tool", Json()) != "airtight" || !manifest.contains("artifacts") ||
      !manifest["artifacts"].is_array())
    return paths;
  paths.insert(std::string(kManifest));
  for (const Json& artifact : manifest["artifacts"])
    if (artifact.is_object() && artifact.contains("path") && artifact["path"].is_string())
      paths.insert(artifact["path"].get<std::string>());
  return paths;
}

std::string some_of(const std::vector<std::string>& paths) {
  std::string out;
  for (std::size_t i = 0; i < paths.size() && i < kListed; ++i) out += (i == 0 ? "" : ", ") + printable(paths[i]);
  if (paths.size() > kListed) out += " and " + std::to_string(paths.size() - kListed) + " more";
  return out;
}

std::error_code write_file(const fs::path& path, const OutputFile& file) {
  const Descriptor out(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file.executable ? 0777 : 0666));
  if (out.get() < 0) return last_error();
  std::size_t written = 0;
  while (written < file.content.size()) {
    const ssize_t count = ::write(out.get(), file.content.data() + written, file.content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    written += static_cast<std::size_t>(count);
  }
  if (::fsync(out.get()) != 0) return last_error();
  return {};
}

std::error_code sync_directory(const fs::path& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return last_error();
  return {};
}

std::string temporary_prefix(const fs::path& target) { return "." + target.filename().string() + ".airtight-"; }

// A killed run leaves its temporary directory behind; the lock that its process held tells it from one that is in use.
void remove_abandoned(const fs::path& target) {
  std::error_code error;
  const std::string prefix = temporary_prefix(target);
  for (auto entry = fs::directory_iterator(target.parent_path(), error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix) || entry->is_symlink(error)) continue;
    const Descriptor directory(::open(entry->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (directory.get() < 0 || ::flock(directory.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
  }
}

// The temporary directory of one run; removed when it goes out of scope, whatever it holds by then.
class Staging {
 public:
  explicit Staging(const fs::path& target) {
    std::string pattern = (target.parent_path() / (temporary_prefix(target) + "XXXXXX")).string();
    if (!::mkdtemp(pattern.data())) {
      error_ = last_error();
      return;
    }
    path_ = pattern;
    lock_.emplace(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock_->get() >= 0) ::flock(lock_->get(), LOCK_EX | LOCK_NB);
  }
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const fs::path& path() const { return path_; }
  std::error_code error() const { return error_; }

 private:
  fs::path path_;
  std::error_code error_;
  std::optional<Descriptor> lock_;
};

std::error_code stage(const fs::path& into, const std::vector<OutputFile>& files) {
  std::error_code error;
  std::set<fs::path> directories{into};
  for (const OutputFile& file : files) {
    const fs::path path = into / file.path;
    fs::create_directories(path.parent_path(), error);
    if (error) return error;
    for (fs::path at = path.parent_path(); at != into; at = at.parent_path()) directories.insert(at);
    if ((error = write_file(path, file))) return error;
  }
  for (const fs::path& directory : directories)
    if ((error = sync_directory(directory))) return error;
  return {};
}

// Hard links: a file that is not ours keeps its inode, owner and mode.
std::error_code carry_over(const fs::path& from, const fs::path& into, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(into / path, error))) continue;  // --force: ours takes its place
    fs::create_directories((into / path).parent_path(), error);
    if (error) return error;
    if (::linkat(AT_FDCWD, (from / path).c_str(), AT_FDCWD, (into / path).c_str(), 0) != 0) return last_error();
  }
  return {};
}

std::string_view line_at(std::string_view text, std::size_t& at) {
  const std::size_t end = std::min(text.find('\n', at), text.size());
  const std::string_view line = text.substr(at, end - at);
  at = std::min(end + 1, text.size());
  return line;
}

// The first line that differs, and the rule above it as the artifact's own comments name it.
void report_difference(const std::string& path, std::string_view expected, std::string_view found,
                       Diagnostics& diagnostics) {
  std::size_t e = 0, f = 0;
  std::string rule;
  for (std::size_t number = 1;; ++number) {
    const bool expected_ended = e >= expected.size(), found_ended = f >= found.size();
    const std::string_view want = expected_ended ? std::string_view{} : line_at(expected, e);
    const std::string_view have = found_ended ? std::string_view{} : line_at(found, f);
    const std::size_t first = want.find_first_not_of(' ');
    const bool comment =
        first != std::string_view::npos && (want[first] == '#' || want[first] == ';' || want.substr(first, 2) == "//");
    const bool named = want.find("comment \"") != std::string_view::npos;
    if (comment && want == have)
      rule = std::string(want.substr(want.find_first_not_of("#;/ ", first) == std::string_view::npos
                                         ? first
                                         : want.find_first_not_of("#;/ ", first)));
    if (named)
      rule = std::string(want.substr(want.find("comment \"") + 9, want.rfind('"') - want.find("comment \"") - 9));
    if (want == have && !(expected_ended && found_ended)) continue;
    Diagnostic& error =
        diagnostics.error(Code::Stale, path + ":" + std::to_string(number), "differs from what the spec compiles to");
    error.expect(expected_ended ? "the end of the file" : quoted(want));
    error.note({}, "found " + (found_ended ? std::string("the end of the file") : quoted(have)));
    if (!rule.empty()) error.note({}, "in the rule " + airtight::quoted(rule));
    return;
  }
}

}  // namespace

std::vector<OutputFile> output_files(const Policy& policy, std::vector<Artifact> artifacts, std::string_view version) {
  struct Row {
    std::string target;
    std::optional<Layer> layer;
  };
  std::vector<std::pair<OutputFile, Row>> files;
  for (Artifact& artifact : artifacts)
    files.push_back({{std::move(artifact.path), std::move(artifact.content), artifact.executable},
                     {std::string(to_string(artifact.target)), artifact.layer}});
  files.push_back({{"policy.json", serialise(policy), false}, {"policy", std::nullopt}});
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.first.path < b.first.path; });

  Json manifest;
  manifest["tool"] = "airtight";
  manifest["version"] = version;
  manifest["spec_digest"] = policy.spec_digest;
  manifest["artifacts"] = Json::array();
  std::vector<OutputFile> out;
  for (auto& [file, row] : files) {
    Json entry;
    entry["path"] = file.path;
    entry["target"] = row.target;
    entry["layer"] = row.layer ? Json(std::string(to_string(*row.layer))) : Json(nullptr);
    entry["sha256"] = digest_only(file.content);
    manifest["artifacts"].push_back(std::move(entry));
    out.push_back(std::move(file));
  }
  out.push_back({std::string(kManifest), manifest.dump(2) + "\n", false});
  std::sort(out.begin(), out.end(), [](const OutputFile& a, const OutputFile& b) { return a.path < b.path; });
  return out;
}

bool publish(const std::string& directory, const std::vector<OutputFile>& files, bool force, Diagnostics& diagnostics) {
  const auto fail = [&](const std::error_code& error, std::string help = {}) {
    Diagnostic& added = diagnostics.error(Code::CannotWrite, directory, "cannot be written: " + error.message());
    if (!help.empty()) added.help(std::move(help));
    return false;
  };
  std::error_code error;
  fs::path target = fs::weakly_canonical(fs::absolute(directory, error), error);
  if (error) return fail(error);
  if (!target.has_filename()) target = target.parent_path();
  if (target == target.root_path())
    return fail(std::make_error_code(std::errc::invalid_argument), "the root directory cannot be replaced");
  const fs::file_status status = fs::status(target, error);
  const bool exists = fs::exists(status);
  if (exists && !fs::is_directory(status)) return fail(std::make_error_code(std::errc::not_a_directory));
  if (!exists) {
    fs::create_directories(target.parent_path(), error);
    if (error) return fail(error);
  }
  remove_abandoned(target);

  std::vector<std::string> foreign;
  if (exists) {
    const std::set<std::string> ours = listed_by_manifest(target);
    for (std::string& path : files_below(target, error))
      if (!ours.count(path)) foreign.push_back(std::move(path));
    if (error) return fail(error);
    if (!foreign.empty() && !force) {
      diagnostics.error(Code::ForeignFiles, directory, "holds files that airtight did not write: " + some_of(foreign))
          .help("give a directory of its own, or --force: it keeps them and replaces those in its way");
      return false;
    }
  }

  const Staging staging(target);
  if (staging.error())
    return fail(staging.error(), "the directory above " + directory +
                                     " must be writable: the output is built beside it and renamed into place");
  if ((error = stage(staging.path(), files))) return fail(error);
  if ((error = carry_over(target, staging.path(), foreign))) return fail(error);
  // mkdtemp makes a private directory; the output has the mode of its predecessor, or what the umask leaves of 0777.
  fs::perms mode = status.permissions();
  if (!exists) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    mode = static_cast<fs::perms>(0777 & ~mask);
  }
  fs::permissions(staging.path(), mode, error);
  if (error) return fail(error);
  if ((error = sync_directory(staging.path()))) return fail(error);
  if (::renameat2(AT_FDCWD, staging.path().c_str(), AT_FDCWD, target.c_str(),
                  exists ? RENAME_EXCHANGE : RENAME_NOREPLACE) != 0) {
    const std::error_code cause = last_error();
    const bool mount = cause.value() == EBUSY || cause.value() == EXDEV;
    return fail(cause, mount ? "it is a mount point, which cannot be replaced in one step; give a directory below it"
                       : cause.value() == EINVAL
                           ? "this file system cannot exchange two directories in one step; give a new directory"
                           : std::string());
  }
  if ((error = sync_directory(target.parent_path()))) return fail(error);
  return true;
}

void compare(const std::string& directory, const std::vector<OutputFile>& files, Diagnostics& diagnostics) {
  const fs::path root(directory);
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    diagnostics.error(Code::Stale, directory, "is no directory, or is not there")
        .help("compile without --check to make it");
    return;
  }
  std::set<std::string> expected;
  for (const OutputFile& file : files) {
    expected.insert(file.path);
    const fs::path path = root / file.path;
    const std::string shown = path.string();
    const std::optional<std::string> text = read_text(path);
    if (!text) {
      diagnostics.error(Code::Stale, shown,
                        fs::exists(fs::symlink_status(path, error)) ? "is no readable regular file" : "is missing");
      continue;
    }
    if (*text != file.content) {
      std::string found = *text;
      if (file.path == kManifest) {
        // Only the version's own text may differ: an edit of spaces is an edit.
        const Json theirs = Json::parse(*text, nullptr, false);
        const auto line = [](const Json& version) { return "\n  \"version\": " + version.dump() + ","; };
        if (theirs.is_object() && theirs.contains("version")) {
          const std::string from = line(theirs["version"]);
          if (const std::size_t at = found.find(from); at != std::string::npos)
            found.replace(at, from.size(), line(Json::parse(file.content)["version"]));
        }
      }
      if (found != file.content) report_difference(shown, file.content, found, diagnostics);
    }
    struct stat status {};
    if (file.executable && ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IXUSR) == 0)
      diagnostics.error(Code::Stale, shown, "is not executable any more").help("chmod +x " + shown);
  }
  for (const std::string& path : files_below(root, error))
    if (!expected.count(path))
      diagnostics.error(Code::Stale, (root / path).string(), "is not made by this spec")
          .help("a policy that is left behind stays in force: remove it here and from the cluster");
  if (error) diagnostics.error(Code::CannotRead, directory, "cannot be read: " + error.message());
}

}  // namespace airtight
