#include "auditor/capture/capture_file.h"

#include <algorithm>

#include "auditor/capture/capture_reader.h"
#include "compiler/net/excerpt.h"

namespace airtight::audit {
namespace {

using namespace std::string_view_literals;

// Files that are handed over by mistake, by their first bytes; the first that fits counts.
struct Foreign {
  std::string_view start;
  std::string_view name;
};
constexpr Foreign kForeign[] = {
    {"\x1c\x00\x01\xac"sv, "an IXIA pcap file (hardware time stamps)"},
    {"\xac\x01\x00\x1c"sv, "an IXIA pcap file (hardware time stamps)"},
    {"\x1c\x00\x01\xab"sv, "an IXIA pcap file (software time stamps)"},
    {"\xab\x01\x00\x1c"sv, "an IXIA pcap file (software time stamps)"},
    {"\xa1\xb2\x34\xcd"sv, "a pcap variant that few programs write (magic a1b234cd)"},
    {"\xcd\x34\xb2\xa1"sv, "a pcap variant that few programs write (magic a1b234cd)"},
    {"\xa1\x2b\x3c\x4d"sv, "a pcap variant that few programs write (magic a12b3c4d)"},
    {"\x4d\x3c\x2b\xa1"sv, "a pcap variant that few programs write (magic a12b3c4d)"},
    {"\x0d\x0d\x0a"sv, "a pcapng file that a transfer in text mode has damaged"},
    {"\x0a\x0d\x0a"sv, "a pcapng file that a transfer in text mode has damaged"},
    {"snoop\0\0\0"sv, "a Solaris snoop file"},
    {"btsnoop\0"sv, "a Bluetooth snoop file"},
    {"GMBU"sv, "a Microsoft Network Monitor file"},
    {"RTSS"sv, "a Microsoft Network Monitor file"},
    {"TRSNIFF data"sv, "a Sniffer file"},
    {"XCP\0"sv, "a Windows Sniffer file"},
    {"iptrace "sv, "an AIX iptrace file"},
    {"\x1f\x8b"sv, "a gzip file within another compression"},
    {"\x28\xb5\x2f\xfd"sv, "a zstd file within another compression"},
    {"\xfd"
     "7zXZ\0"sv,
     "an xz file"},
    {"BZh"sv, "a bzip2 file"},
    {"\x04\x22\x4d\x18"sv, "an lz4 file"},
    {"\x1f\x9d"sv, "a compress file"},
    {"PK\x03\x04"sv, "a ZIP archive"},
    {"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"},
    {"\x7f"
     "ELF"sv,
     "an ELF program"},
    {"MZ"sv, "a Windows program"},
    {"%PDF"sv, "a PDF document"},
    {"SQLite format 3\0"sv, "a SQLite database"},
};
constexpr std::size_t kLook = 512;
constexpr std::size_t kTarMagic = 257;

// UTF-8 without control characters; the last sequence may be cut off where looking ends.
bool is_text(std::string_view bytes) {
  const bool cut = bytes.size() == kLook;
  while (!bytes.empty()) {
    const auto next = first_code_point(bytes);
    if (!next) return cut && bytes.size() < 4;
    if (next->value < 0x20 && std::string_view("\n\r\t\f").find(bytes[0]) == std::string_view::npos) return false;
    if (next->value == 0x7f) return false;
    bytes.remove_prefix(next->length);
  }
  return true;
}

std::string looks_like(std::string_view start) {
  for (const Foreign& foreign : kForeign) {
    if (start.substr(0, foreign.start.size()) == foreign.start) return std::string(foreign.name);
  }
  if (start.size() > kTarMagic && start.substr(kTarMagic, 5) == "ustar") return "a tar archive";
  if (is_text(start)) return "text";
  if (start.size() < 4)
    return std::to_string(start.size()) + (start.size() == 1 ? " byte" : " bytes") + ", too few for a capture";
  constexpr char kHex[] = "0123456789abcdef";
  std::string bytes;
  for (const char c : start.substr(0, 4)) {
    const auto byte = static_cast<unsigned char>(c);
    bytes += std::string(" ") + kHex[byte >> 4] + kHex[byte & 15];
  }
  return "no capture: it begins with the bytes" + bytes;
}

bool is_pcap(std::uint32_t magic) {
  return magic == kPcapMicroseconds || magic == kPcapNanoseconds || magic == kPcapModified;
}

}  // namespace

std::unique_ptr<CaptureFile> CaptureFile::open(const std::string& path, std::string& error) {
  return open(ByteSource::open(path), error);
}

std::unique_ptr<CaptureFile> CaptureFile::open(std::unique_ptr<ByteSource> source, std::string& error) {
  const auto start = source->peek(kLook);
  if (start.size() >= 4) {
    const std::uint32_t little = ByteOrder::little().u32(start.data());
    const std::uint32_t big = ByteOrder::big().u32(start.data());
    if (is_pcap(little) || is_pcap(big)) return open_pcap(std::move(source), error);
    if (big == kPcapngSection) return open_pcapng(std::move(source), error);
  }
  if (const auto broken = source->problem()) {
    error = *broken + ", and what was unpacked is no capture";
    return nullptr;
  }
  const std::string_view text(reinterpret_cast<const char*>(start.data()), std::min(start.size(), kLook));
  error = text.empty() ? "empty" : looks_like(text);
  if (!source->compression().empty()) error += ", compressed with " + std::string(source->compression());
  error += "; " + std::string(kWhatIsRead);
  return nullptr;
}

}  // namespace airtight::audit
