#include <zlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <system_error>

#include "compiler/input.h"
#include "compiler/verify/document.h"

namespace airtight {
namespace {

using verify::kMaxArtifactBytes;

bool is_gzip(const std::string& bytes) {
  return bytes.size() > 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b' && bytes[2] == '\x08';
}

// RFC 1952, several members too. Bounded by what it unpacks to, whatever it claims.
std::optional<std::string> unpacked(const std::string& path, const std::string& bytes, Diagnostics& diagnostics) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) throw std::bad_alloc();
  std::string text;
  std::array<char, 65536> buffer;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int status = Z_OK;
  while (text.size() <= kMaxArtifactBytes) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
    if (status == Z_STREAM_END && stream.avail_in > 0) status = ::inflateReset(&stream);
    if (status != Z_OK) break;
  }
  ::inflateEnd(&stream);
  if (text.size() > kMaxArtifactBytes) {
    diagnostics.error(Code::TooBig, path, "unpacks to more than " + std::to_string(kMaxArtifactBytes) + " bytes");
    return std::nullopt;
  }
  if (status != Z_STREAM_END) {
    diagnostics.error(Code::ArtifactSyntax, path, "is gzip that is cut off or damaged");
    return std::nullopt;
  }
  return text;
}

// Every regular file below a folder, by name. Links to files are followed (mounted volumes are made of them).
std::vector<std::string> files_below(const std::string& folder, std::vector<std::string>& notes,
                                     Diagnostics& diagnostics) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (entry->is_symlink(ignored))
        notes.push_back(entry->path().string() + " is a link to a folder: it was not followed");
    } else if (entry->is_regular_file(ignored)) {
      files.push_back(entry->path().string());
    } else {
      notes.push_back(entry->path().string() + " is no regular file: it was not read");
    }
  }
  if (error) diagnostics.error(Code::CannotRead, folder, "cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<std::uint32_t> read_artifact_files(const std::vector<std::string>& paths, Sources& sources,
                                               std::vector<std::string>& notes, Diagnostics& diagnostics) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (path != "-" && std::filesystem::is_directory(path, error)) {
      const std::vector<std::string> below = files_below(path, notes, diagnostics);
      files.insert(files.end(), below.begin(), below.end());
    } else {
      files.push_back(path);
    }
  }
  std::vector<std::uint32_t> ids;
  std::set<std::string> seen;
  for (const std::string& path : files) {
    std::error_code error;
    if (!seen.insert(std::filesystem::weakly_canonical(path, error).string()).second) continue;
    std::optional<std::string> bytes = read_bytes(path, kMaxArtifactBytes, "a file or a folder", diagnostics);
    if (bytes && is_gzip(*bytes)) bytes = unpacked(path, *bytes, diagnostics);
    if (bytes) ids.push_back(sources.add(path == "-" ? "<stdin>" : path, *std::move(bytes)));
  }
  return ids;
}

}  // namespace airtight
