#include "tests/auditor/evidence/memory_disk.h"

#include <algorithm>

namespace airtight::audit {
namespace {

std::error_code missing() { return std::make_error_code(std::errc::no_such_file_or_directory); }

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

}  // namespace

MemoryDisk::MemoryDisk() : directories_{"."}, durable_directories_{"."} {}

MemoryDisk::MemoryDisk(const MemoryDisk& other)
    : Disk(), directories_(other.directories_), durable_directories_(other.durable_directories_) {
  std::map<const File*, std::shared_ptr<File>> copies;
  for (const auto& file : other.all_) all_.push_back(copies[file.get()] = std::make_shared<File>(*file));
  for (const auto& [name, file] : other.names_) names_[name] = copies.at(file.get());
  for (const auto& [name, file] : other.durable_names_) durable_names_[name] = copies.at(file.get());
}

std::error_code MemoryDisk::changes(const std::string& what) {
  const std::size_t number = operations++;
  return before ? before(number, what) : std::error_code();
}

std::error_code MemoryDisk::read(const std::string& path, std::size_t most, std::string& out) {
  out.clear();
  const auto found = names_.find(path);
  if (found == names_.end()) return missing();
  if (found->second->bytes.size() > most) return std::make_error_code(std::errc::file_too_large);
  out = found->second->bytes;
  return {};
}

std::error_code MemoryDisk::list(const std::string& path, std::vector<std::string>& names) {
  names.clear();
  if (directories_.count(path) == 0) return missing();
  for (const auto& [name, file] : names_)
    if (parent(name) == path) names.push_back(name.substr(path.size() + 1));
  for (const std::string& name : directories_)
    if (name != path && parent(name) == path) names.push_back(name.substr(path.size() + 1));
  std::sort(names.begin(), names.end());
  return {};
}

std::error_code MemoryDisk::size(const std::string& path, std::uint64_t& bytes) {
  const auto found = names_.find(path);
  if (found != names_.end()) bytes = found->second->bytes.size();
  return found != names_.end() || directories_.count(path) != 0 ? std::error_code() : missing();
}

std::error_code MemoryDisk::make_directory(const std::string& path, bool& made) {
  made = false;
  if (directories_.count(path) != 0) return {};
  if (const auto error = changes("make " + path)) return error;
  if (directories_.count(parent(path)) == 0) return missing();
  made = directories_.insert(path).second;
  return {};
}

std::error_code MemoryDisk::append(const std::string& path, std::string_view bytes) {
  const auto error = changes("append " + path);
  if (directories_.count(parent(path)) == 0) return missing();
  auto& file = names_[path];
  if (!file) all_.push_back(file = std::make_shared<File>());
  file->bytes += error ? bytes.substr(0, bytes.size() / 2) : bytes;
  return error;
}

std::error_code MemoryDisk::write(const std::string& path, std::string_view bytes, Access access) {
  const auto error = changes("write " + path);
  if (directories_.count(parent(path)) == 0) return missing();
  auto& file = names_[path];
  if (!file) all_.push_back(file = std::make_shared<File>());
  file->bytes = error ? bytes.substr(0, bytes.size() / 2) : bytes;
  file->access = access;
  return error;
}

std::error_code MemoryDisk::overwrite(const std::string& path, std::string_view bytes) {
  if (const auto error = changes("overwrite " + path)) return error;
  const auto found = names_.find(path);
  if (found == names_.end()) return missing();
  found->second->bytes.replace(0, std::min(bytes.size(), found->second->bytes.size()), bytes);
  return {};
}

std::error_code MemoryDisk::sync(const std::string& path) {
  if (const auto error = changes("sync " + path)) return error;
  const auto found = names_.find(path);
  if (found == names_.end()) return missing();
  found->second->durable = found->second->bytes;
  return {};
}

std::error_code MemoryDisk::sync_directory(const std::string& path) {
  if (directories_.count(path) == 0) return missing();
  if (const auto error = changes("sync directory " + path)) return error;
  const auto inside = [&](const auto& entry) { return parent(entry.first) == path; };
  for (auto at = durable_names_.begin(); at != durable_names_.end();)
    at = inside(*at) ? durable_names_.erase(at) : std::next(at);
  for (const auto& entry : names_)
    if (inside(entry)) durable_names_.insert(entry);
  for (auto at = durable_directories_.begin(); at != durable_directories_.end();)
    at = *at != "." && parent(*at) == path ? durable_directories_.erase(at) : std::next(at);
  for (const std::string& directory : directories_)
    if (parent(directory) == path) durable_directories_.insert(directory);
  return {};
}

std::error_code MemoryDisk::rename(const std::string& from, const std::string& to) {
  if (const auto error = changes("rename " + from + " " + to)) return error;
  const auto found = names_.find(from);
  if (found == names_.end() || directories_.count(parent(to)) == 0) return missing();
  names_[to] = found->second;
  names_.erase(from);
  return {};
}

std::error_code MemoryDisk::remove(const std::string& path) {
  if (names_.count(path) == 0 && directories_.count(path) == 0) return missing();
  if (const auto error = changes("remove " + path)) return error;
  names_.erase(path);
  directories_.erase(path);
  return {};
}

std::error_code MemoryDisk::lock(const std::string& path) {
  if (directories_.count(parent(path)) == 0) return missing();
  if (locked) return EvidenceError::Locked;
  locked = true;
  return {};
}

void MemoryDisk::cut_power(Remains remains) {
  locked = false;
  if (remains == Remains::All) return;
  if (remains == Remains::Nothing) {
    directories_.clear();
    for (const std::string& directory : durable_directories_)  // in order: a parent comes first
      if (directory == "." || directories_.count(parent(directory)) != 0) directories_.insert(directory);
    durable_directories_ = directories_;
    names_.clear();
    for (const auto& [name, file] : durable_names_)
      if (directories_.count(parent(name)) != 0) names_[name] = file;
  }
  durable_names_ = names_;
  durable_directories_ = directories_;
  for (const auto& file : all_) {
    const std::size_t synced = file->durable.size();
    const bool grew = file->bytes.size() > synced && file->bytes.compare(0, synced, file->durable) == 0;
    if (remains == Remains::Torn && grew)
      file->bytes.resize(synced + (file->bytes.size() - synced) / 2);
    else if (remains == Remains::Zeros && grew)
      std::fill(file->bytes.begin() + static_cast<std::ptrdiff_t>(synced), file->bytes.end(), '\0');
    else
      file->bytes = file->durable;
    file->durable = file->bytes;
  }
}

std::string& MemoryDisk::file(const std::string& path) { return names_.at(path)->bytes; }

void MemoryDisk::put(const std::string& path, std::string bytes) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    directories_.insert(path.substr(0, slash));
    durable_directories_.insert(path.substr(0, slash));
  }
  auto& file = names_[path];
  file = std::make_shared<File>();
  all_.push_back(file);
  file->bytes = file->durable = std::move(bytes);
  durable_names_[path] = file;
}

std::vector<std::string> MemoryDisk::files() const {
  std::vector<std::string> paths;
  for (const auto& [name, file] : names_) paths.push_back(name);
  return paths;
}

std::string MemoryDisk::platter() const {
  std::string bytes;
  for (const auto& file : all_) bytes += file->durable;
  return bytes;
}

}  // namespace airtight::audit
