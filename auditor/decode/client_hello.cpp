#include "auditor/decode/client_hello.h"

#include <algorithm>
#include <bitset>

#include "auditor/decode/byte_reader.h"

namespace airtight::audit {
namespace {

constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kAlpn = 16;

// Where the true name is encrypted: ESNI, and ECH since its drafts had numbers of their own.
constexpr std::uint16_t kHidesName[] = {0xffce, 0xff02, 0xfe08, 0xfe09, 0xfe0a, 0xfe0b, 0xfe0c, 0xfe0d};

constexpr std::string_view kAlpnDns[] = {"dot", "doq"};
constexpr std::string_view kAlpnDnsDraft = "doq-i";  // and the number of the draft

// Reads the first bytes of a structure whose whole length is known, and tells a length that lies from bytes that are
// not here yet. The first failure sticks.
class PrefixReader {
 public:
  PrefixReader(Bytes present, std::size_t total) : present_(present), total_(total) {}

  Bytes take(std::size_t count) {
    if (status_ != HelloStatus::Found) return {};
    if (count > left()) return fail(HelloStatus::Malformed);
    if (count > present_.size() - offset_) return fail(HelloStatus::NeedMore);
    offset_ += count;
    return present_.subspan(offset_ - count, count);
  }
  std::size_t u8() { return number(1); }
  std::size_t u16() { return number(2); }
  std::size_t left() const { return total_ - offset_; }
  bool ok() const { return status_ == HelloStatus::Found; }
  HelloStatus status() const { return status_; }

 private:
  Bytes fail(HelloStatus status) {
    status_ = status;
    return {};
  }
  std::size_t number(std::size_t size) {
    std::size_t value = 0;
    for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }

  Bytes present_;
  std::size_t total_;
  std::size_t offset_ = 0;
  HelloStatus status_ = HelloStatus::Found;
};

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// RFC 6066 §3: the first host_name counts; entries of types that nobody has defined are passed over by their length.
bool read_server_name(Bytes data, ClientHello& hello) {
  ByteReader reader(data);
  if (reader.u16() != reader.left() || reader.left() == 0) return false;
  bool found = false;
  while (reader.left() != 0) {
    const std::uint8_t type = reader.u8();
    const Bytes name = reader.take(reader.u16());
    if (type != 0 || found) continue;
    found = true;
    push_host_name(hello.server_name, name);
  }
  hello.has_server_name = true;
  return reader.ok();
}

bool read_alpn(Bytes data, ClientHello& hello) {
  ByteReader reader(data);
  if (reader.u16() != reader.left() || reader.left() == 0) return false;
  while (reader.left() != 0) {
    const std::string_view protocol = as_text(reader.take(reader.u8()));
    if (!reader.ok() || protocol.empty()) return false;
    if (hello.alpn_count < hello.alpn.size()) hello.alpn[hello.alpn_count] = protocol;
    if (hello.alpn_count < UINT8_MAX) ++hello.alpn_count;
    hello.alpn_dns |= std::find(std::begin(kAlpnDns), std::end(kAlpnDns), protocol) != std::end(kAlpnDns) ||
                      protocol.substr(0, kAlpnDnsDraft.size()) == kAlpnDnsDraft;
  }
  return reader.ok();
}

bool read_extension(std::uint16_t type, Bytes data, ClientHello& hello) {
  if (type == kServerName) return read_server_name(data, hello);
  if (type == kAlpn) return read_alpn(data, hello);
  hello.ech |= std::find(std::begin(kHidesName), std::end(kHidesName), type) != std::end(kHidesName);
  return true;
}

HelloStatus read_extensions(PrefixReader& reader, ClientHello& hello) {
  if (reader.u16() != reader.left() && reader.ok()) return HelloStatus::Malformed;
  std::bitset<65'536> seen;
  while (reader.ok() && reader.left() != 0) {
    const auto type = static_cast<std::uint16_t>(reader.u16());
    const Bytes data = reader.take(reader.u16());
    if (!reader.ok()) break;
    if (seen.test(type)) return HelloStatus::Malformed;  // which one a server takes is its own affair
    seen.set(type);
    if (!read_extension(type, data, hello)) return HelloStatus::Malformed;
  }
  return reader.status();
}

HelloStatus read_body(PrefixReader reader, HelloWire wire, ClientHello& hello) {
  constexpr std::size_t kRandom = 32;
  const std::size_t major = reader.u8();
  if (reader.ok() && major != (wire == HelloWire::Dtls ? 0xfe : 3)) return HelloStatus::Malformed;
  reader.take(1 + kRandom);
  const std::size_t session = reader.u8();
  if (session > 32) return HelloStatus::Malformed;
  reader.take(session);
  if (wire == HelloWire::Dtls) reader.take(reader.u8());
  const std::size_t suites = reader.u16();
  if (reader.ok() && (suites == 0 || suites % 2 != 0)) return HelloStatus::Malformed;
  reader.take(suites);
  const std::size_t compressions = reader.u8();
  if (reader.ok() && compressions == 0) return HelloStatus::Malformed;
  reader.take(compressions);
  if (!reader.ok() || reader.left() == 0) return reader.status();
  return read_extensions(reader, hello);
}

}  // namespace

void clear_hello(ClientHello& hello) {
  hello.server_name.clear();
  hello.has_server_name = hello.ech = hello.alpn_dns = false;
  hello.alpn.fill({});
  hello.alpn_count = 0;
}

HelloStatus read_client_hello_body(Bytes present, std::size_t total, HelloWire wire, ClientHello& hello) {
  clear_hello(hello);
  HelloStatus status = read_body(PrefixReader(present, total), wire, hello);
  if (status == HelloStatus::NeedMore && hello.has_server_name) status = HelloStatus::Found;
  if (status != HelloStatus::Found) clear_hello(hello);
  return status;
}

void push_name_byte(NameText& name, std::uint8_t byte) {
  if (byte == '\\') name.push('\\');
  name.push_byte(byte);
}

void push_host_name(NameText& text, Bytes name) {
  if (!name.empty() && name.back() == '.') name = name.first(name.size() - 1);
  for (const std::uint8_t byte : name) push_name_byte(text, byte);
}

}  // namespace airtight::audit
