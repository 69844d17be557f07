#include "auditor/attribution/pods.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "compiler/policy/compiled_policy.h"  // digest_of()

namespace airtight::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kRemembered = 3600 * kSecond;
// Changes within a tick of the file system's clock leave the file's identity as it is.
constexpr std::int64_t kTick = 2 * kSecond;

// Reads the file whole and says which one it was; empty, with the reason, if it cannot.
std::optional<std::string> read_whole(const std::string& path, std::string& identity, std::int64_t& changed,
                                      std::string& why) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const auto refuse = [&](std::string reason) {
    why = std::move(reason);
    if (file >= 0) ::close(file);
    return std::nullopt;
  };
  if (file < 0) return refuse(std::strerror(errno));
  struct stat state {};
  if (::fstat(file, &state) != 0) return refuse(std::strerror(errno));
  if (!S_ISREG(state.st_mode)) return refuse("it is no file");
  const std::string now_is = std::to_string(state.st_dev) + " " + std::to_string(state.st_ino) + " " +
                             std::to_string(state.st_size) + " " + std::to_string(state.st_mtim.tv_sec) + " " +
                             std::to_string(state.st_mtim.tv_nsec) + " " + std::to_string(state.st_ctim.tv_sec) + " " +
                             std::to_string(state.st_ctim.tv_nsec);
  changed = state.st_ctim.tv_sec * kSecond + state.st_ctim.tv_nsec;
  if (now_is == identity) {
    ::close(file);
    return std::string();
  }
  std::string text, part(1u << 16, '\0');
  while (true) {
    const ssize_t got = ::read(file, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(std::strerror(errno));
    if (got == 0) break;
    text.append(part, 0, static_cast<std::size_t>(got));
    if (text.size() > kMaxPodFile) return refuse("it is longer than " + std::to_string(kMaxPodFile >> 20) + " MiB");
  }
  ::close(file);
  identity = now_is;
  return text;
}

// What makes two lines of different times one entry; the end of it may change.
std::string key_of(const PodEntry& line) {
  std::string key = line.interface + "\n" + line.ns + "/" + line.name + "\n" + std::to_string(line.from);
  for (const Ip& address : line.addresses) key += " " + to_string(address);
  return key;
}

}  // namespace

PodFile::PodFile(std::string path) : path_(std::move(path)) {}

std::vector<std::string> PodFile::refresh(std::int64_t now) {
  forget(now);
  const std::string before = seen_;
  std::int64_t changed = 0;
  std::string why;
  const std::optional<std::string> text = read_whole(path_, seen_, changed, why);
  if (!text) {
    seen_.clear();
    if (why == missing_) return {};
    missing_ = why;
    return {path_ + ": cannot be read: " + why};
  }
  const bool was_missing = !std::exchange(missing_, "").empty();
  if (seen_ == before) return {};
  if (changed > now - kTick) seen_.clear();
  if (std::string digest = digest_of(*text); digest != digest_ || was_missing)
    digest_ = std::move(digest);
  else
    return {};
  std::vector<std::string> errors;
  const std::vector<PodEntry> lines = parse_pods(*text, path_, errors);
  if (errors.empty()) take(lines, now);
  forget(now);
  return errors;
}

void PodFile::take(const std::vector<PodEntry>& lines, std::int64_t now) {
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    // One that ended when it vanished and had no beginning of its own begins anew when it comes back.
    if (entries_[i].in_file || entries_[i].line.from != INT64_MIN) known.emplace(key_of(entries_[i].line), i);
    entries_[i].vanished = std::exchange(entries_[i].in_file, false);
  }
  for (const PodEntry& line : lines) {
    const auto found = known.find(key_of(line));
    Known& entry =
        found == known.end() ? entries_.emplace_back(Known{line, line, true, false}) : entries_[found->second];
    if (found == known.end() && line.from == INT64_MIN) entry.entry.from = now;
    entry.entry.to = line.to;
    entry.in_file = true;
    entry.vanished = false;
  }
  for (Known& entry : entries_)
    if (entry.vanished) entry.entry.to = std::min(entry.entry.to, now);
}

void PodFile::forget(std::int64_t now) {
  std::erase_if(entries_, [&](const Known& known) {
    return known.entry.from >= known.entry.to || (now > INT64_MIN + kRemembered && known.entry.to < now - kRemembered);
  });
}

std::string PodFile::pod_of(std::string_view interface, std::optional<Ip> address, std::int64_t time) const {
  const auto the_one = [&](auto&& is_of) {
    const PodEntry* found = nullptr;
    for (const Known& known : entries_) {
      const PodEntry& entry = known.entry;
      if (time < entry.from || time >= entry.to || !is_of(entry)) continue;
      if (found != nullptr && (found->ns != entry.ns || found->name != entry.name))
        return std::optional<std::string>("unknown");
      found = &entry;
    }
    return found == nullptr ? std::nullopt : std::optional(found->ns + "/" + found->name);
  };
  if (!interface.empty())
    if (auto pod = the_one([&](const PodEntry& entry) { return entry.interface == interface; })) return *pod;
  if (!address) return "unknown";
  return the_one([&](const PodEntry& entry) {
           return (interface.empty() || entry.interface.empty()) &&
                  std::find(entry.addresses.begin(), entry.addresses.end(), *address) != entry.addresses.end();
         })
      .value_or("unknown");
}

std::size_t PodFile::size() const { return entries_.size(); }

}  // namespace airtight::audit
